import Foundation
import SystemPackage
import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit

/// Measures the local renderer and the path around it, beside what else could be used, in one run.
///
/// `make bench` runs it. Figures are medians; every comparison is a ratio within the run, because machines drift.
@main
struct Bench {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard let photoPath = arguments.first else {
            print("usage: zoetrope-bench PHOTO [stills|motion|speed …], or retiming|presets CLIP …")
            exit(2)
        }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin"
        let tools = try await MediaTools.find(searchPath: path)
        switch photoPath {
        case "retiming": return try await RetimingBench.run(Array(arguments.dropFirst()), tools: tools)
        case "presets": return try await PresetBench.run(Array(arguments.dropFirst()), seconds: 5, tools: tools)
        default: break
        }
        let wanted = Set(arguments.dropFirst())
        func wants(_ name: String) -> Bool { wanted.isEmpty || wanted.contains(name) }

        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: photoPath)))
        let photo = try StillImage(parsing: bytes)
        let bench = Bench(photo: photo, photoPath: photoPath, tools: tools)

        print(
            "machine: \(ProcessInfo.processInfo.activeProcessorCount) cores, ffmpeg \(try await bench.tools.version())\n"
        )
        if wants("stills") { try await bench.stills() }
        if wants("motion") { try await bench.motion() }
        if wants("speed") { try await bench.speed() }
    }

    let photo: StillImage
    let photoPath: String
    let tools: MediaTools

    static let size = FrameSize(width: 1280, height: 720)

    func picture(for size: FrameSize) async throws -> PlanarPicture {
        let crop = photo.header.uprightSize.crop(toAspectOf: size)
        return try await PhotoDecoder(tools: tools)
            .decode(
                photo,
                crop: crop,
                size: FrameRenderer.sourceSize(for: size, crop: crop.size)
            )
    }
}

/// The middle of some measurements.
func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }

func rounded(_ value: Double, _ digits: Int = 2) -> String { String(format: "%.\(digits)f", value) }
