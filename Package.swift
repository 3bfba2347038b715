// swift-tools-version: 6.2

import PackageDescription

/// Every target of ours is compiled with these.
///
/// `DeprecatedDeclaration` stays a warning, so that the update of a dependency cannot stop the build.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
    .treatWarning("DeprecatedDeclaration", as: .warning),
]

let package = Package(
    name: "zoetrope",
    products: [
        .executable(name: "zoetrope", targets: ["zoetrope"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: [
        // Values and rules: no I/O, no clock, no framework.
        .target(name: "ZoetropeCore", swiftSettings: settings),

        // Adapters. They import Core and never each other.
        .target(
            name: "ZoetropeMedia",
            dependencies: [
                "ZoetropeCore",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings
        ),

        // The commands, the settings and the only composition root.
        .executableTarget(
            name: "zoetrope",
            dependencies: [
                "ZoetropeCore",
                "ZoetropeMedia",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: settings
        ),

        // For tests and benchmarks only.
        .executableTarget(
            name: "zoetrope-bench",
            dependencies: [
                "ZoetropeCore", "ZoetropeMedia", "ZoetropeTestKit",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Benchmarks/ZoetropeBench",
            swiftSettings: settings
        ),
        .target(name: "ZoetropeTestKit", dependencies: ["ZoetropeCore", "ZoetropeMedia"], swiftSettings: settings),
        .testTarget(
            name: "ZoetropeCoreTests",
            dependencies: ["ZoetropeCore", "ZoetropeTestKit"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ZoetropeMediaTests",
            dependencies: ["ZoetropeCore", "ZoetropeMedia", "ZoetropeTestKit"],
            swiftSettings: settings
        ),
        // The program as its users run it.
        .testTarget(
            name: "ZoetropeEndToEndTests",
            dependencies: ["ZoetropeTestKit", "zoetrope"],
            swiftSettings: settings
        ),
    ]
)
