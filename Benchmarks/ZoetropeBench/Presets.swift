import Foundation
import SystemPackage
import ZoetropeCore
import ZoetropeMedia

/// One encode with each effort that the settings offer, in the sandbox as the service does it.
///
/// Leaves the files beside the clip and prints a line of JSON for each.
enum PresetBench {
    static func run(_ files: [String], seconds length: Int, tools: MediaTools) async throws {
        for path in files.map({ FilePath($0) }) {
            guard let name = path.lastComponent else { continue }
            let folder = path.removingLastComponent()
            let facts = try await VideoProbe(tools: tools).examine(name.string, in: folder, seconds: length)
            for effort in EncodeEffort.allCases {
                let output = "\(name.stem)-\(effort.rawValue).mp4"
                var times: [Double] = []
                var size = facts.size
                for _ in 0..<3 {
                    let start = ContinuousClock.now
                    size = try await VideoNormaliser(tools: tools, effort: effort)
                        .encode(.init(name: name.string, facts: facts), to: output, in: folder, seconds: length)
                    times.append(seconds(ContinuousClock.now - start))
                }
                let lines = min(size.width, size.height)
                print(
                    """
                    {"clip": "\(name.string)", "lines": \(lines), "effort": "\(effort.rawValue)", \
                    "preset": "\(MP4Target.preset(lines: lines, effort))", "crf": \(MP4Target.crf(lines: lines)), \
                    "seconds": \(rounded(median(times))), "file": "\(output)"}
                    """
                )
            }
        }
    }
}
