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
        .executable(name: "zoetrope", targets: ["zoetrope"]),
        .executable(name: "replicate-simulator", targets: ["replicate-simulator"]),
        // Replicate's HTTP API for any Swift program; imports nothing of Zoetrope.
        .library(name: "Replicate", targets: ["Replicate", "StrictJSON"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        // Values and rules: no I/O, no clock, no framework.
        .target(name: "ZoetropeCore", dependencies: ["StrictJSON"], swiftSettings: settings),

        // JSON that hostile text cannot slow down; a leaf that knows nobody.
        .target(name: "StrictJSON", swiftSettings: settings),

        // The durable run of one animation, and the ports that it needs.
        .target(
            name: "ZoetropeWorkflow",
            dependencies: [
                "StrictJSON", "ZoetropeCore",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),

        // Adapters. They import Core and Workflow and never each other.
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .target(
            name: "ZoetropeDatabase",
            dependencies: [
                "CLibPQ", "StrictJSON", "ZoetropeCore", "ZoetropeWorkflow",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "ZoetropeStorage",
            dependencies: [
                "StrictJSON", "ZoetropeCore", "ZoetropeWorkflow",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "ZoetropeProviders",
            dependencies: [
                "Replicate", "StrictJSON", "ZoetropeCore", "ZoetropeWorkflow",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "ZoetropeServer",
            dependencies: [
                "StrictJSON", "ZoetropeCore", "ZoetropeWorkflow",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            resources: [
                .embedInCode("OpenAPI/openapi.yaml"), .embedInCode("Pages/Assets/zoetrope.css"),
                .embedInCode("Pages/Assets/zoetrope.js"), .embedInCode("Pages/Assets/mark.svg"),
            ],
            swiftSettings: settings
        ),
        // Calls to addresses that callers name (images, callbacks) and to the operators' alert webhook.
        .target(
            name: "ZoetropeOutbound",
            dependencies: [
                "StrictJSON", "ZoetropeCore", "ZoetropeWorkflow",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings
        ),
        // Access tokens: issued, and verified by a secret or by a key set.
        .target(
            name: "ZoetropeTokens",
            dependencies: [
                "StrictJSON", "ZoetropeCore", "ZoetropeWorkflow",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "ZoetropeMedia",
            dependencies: [
                "ZoetropeCore", "ZoetropeWorkflow",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings
        ),

        // A published product: no Zoetrope import.
        .target(
            name: "Replicate",
            dependencies: [
                "StrictJSON",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings
        ),

        // The commands, the settings and the only composition root.
        .executableTarget(
            name: "zoetrope",
            dependencies: [
                "Replicate",
                "StrictJSON",
                "ZoetropeCore",
                "ZoetropeDatabase",
                "ZoetropeMedia",
                "ZoetropeOutbound",
                "ZoetropeProviders",
                "ZoetropeServer",
                "ZoetropeStorage",
                "ZoetropeTokens",
                "ZoetropeWorkflow",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: settings
        ),

        // The README's program.
        .executableTarget(
            name: "animate-with-replicate",
            dependencies: ["Replicate"],
            path: "Examples/AnimateWithReplicate",
            swiftSettings: settings
        ),

        // Replicate's API as a real server, for tests and demos; never linked into zoetrope.
        .target(
            name: "ReplicateSimulator",
            dependencies: [
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "replicate-simulator",
            dependencies: [
                "ReplicateSimulator",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
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
        // A load for the client's benchmark, in a process of its own so that its memory is its own.
        .executableTarget(
            name: "replicate-load",
            dependencies: ["Replicate"],
            path: "Benchmarks/ReplicateLoad",
            swiftSettings: settings
        ),
        // The race between durable engines: a stub of a provider, a client, and our worker.
        .executableTarget(
            name: "zoetrope-race",
            dependencies: [
                "Replicate", "StrictJSON", "ZoetropeCore", "ZoetropeDatabase", "ZoetropeMedia", "ZoetropeProviders",
                "ZoetropeStorage", "ZoetropeWorkflow",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Benchmarks/Race",
            exclude: ["peers", "race.py", "plot.py"],
            swiftSettings: settings
        ),
        // Our client of S3 as a load, beside others.
        .executableTarget(
            name: "zoetrope-s3-bench",
            dependencies: [
                "ZoetropeCore", "ZoetropeStorage", "ZoetropeWorkflow",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Benchmarks/Scale/S3Bench",
            swiftSettings: settings
        ),
        // What the HTTP service is measured against: a bare application around the same statements.
        .executableTarget(
            name: "zoetrope-http-limit",
            dependencies: [
                "ZoetropeCore", "ZoetropeDatabase", "ZoetropeWorkflow",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Benchmarks/Service/Limit",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "zoetrope-simulate",
            dependencies: [
                "ZoetropeDatabase", "ZoetropeTestKit", "ZoetropeWorkflow",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "ZoetropeTestKit",
            dependencies: [
                "StrictJSON", "ZoetropeCore", "ZoetropeMedia", "ZoetropeWorkflow",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings + [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]
        ),
        .testTarget(
            name: "ZoetropeCoreTests",
            dependencies: ["StrictJSON", "ZoetropeCore", "ZoetropeTestKit"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ZoetropeWorkflowTests",
            dependencies: [
                "StrictJSON", "ZoetropeCore", "ZoetropeDatabase", "ZoetropeTestKit", "ZoetropeWorkflow",
                "zoetrope-simulate",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ZoetropeDatabaseTests",
            dependencies: [
                "StrictJSON", "ZoetropeCore", "ZoetropeDatabase", "ZoetropeStorage", "ZoetropeTestKit",
                "ZoetropeWorkflow",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ZoetropeStorageTests",
            dependencies: [
                "StrictJSON", "ZoetropeCore", "ZoetropeStorage", "ZoetropeTestKit", "ZoetropeWorkflow",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ZoetropeProvidersTests",
            dependencies: [
                "Replicate", "ReplicateSimulator", "StrictJSON", "ZoetropeCore", "ZoetropeProviders", "ZoetropeTestKit",
                "ZoetropeWorkflow",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ZoetropeMediaTests",
            dependencies: ["ZoetropeCore", "ZoetropeMedia", "ZoetropeTestKit", "ZoetropeWorkflow"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ReplicateSimulatorTests",
            dependencies: ["ReplicateSimulator", "ZoetropeMedia", "ZoetropeTestKit"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ReplicateTests",
            dependencies: [
                "Replicate", "ReplicateSimulator", "ZoetropeTestKit", "animate-with-replicate",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ZoetropeServerTests",
            dependencies: [
                "StrictJSON", "ZoetropeCore", "ZoetropeDatabase", "ZoetropeMedia", "ZoetropeServer", "ZoetropeStorage",
                "ZoetropeTestKit", "ZoetropeWorkflow",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ZoetropeOutboundTests",
            dependencies: [
                "StrictJSON", "ZoetropeCore", "ZoetropeOutbound", "ZoetropeTestKit", "ZoetropeWorkflow",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ZoetropeTokensTests",
            dependencies: [
                "StrictJSON", "ZoetropeCore", "ZoetropeTestKit", "ZoetropeTokens", "ZoetropeWorkflow",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        // The program as its users run it.
        .testTarget(
            name: "ZoetropeEndToEndTests",
            dependencies: ["ReplicateSimulator", "StrictJSON", "ZoetropeTestKit", "replicate-simulator", "zoetrope"],
            swiftSettings: settings
        ),
    ]
)
