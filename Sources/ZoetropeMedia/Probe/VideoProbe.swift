import Foundation
package import SystemPackage
import ZoetropeCore

/// Looks at a video from outside: with our own bounded reader of MP4 boxes, and with ffprobe where that cannot tell what
/// an encode must know.
package struct VideoProbe: Sendable {
    private let tools: MediaTools

    package init(tools: MediaTools) {
        self.tools = tools
    }

    /// The most pixels that a decoder may be asked for: 4096 × 2176.
    static let maxPixels = 8_912_896

    /// Examines a file.
    ///
    /// - Parameters:
    ///   - name: Bare name of the file in `folder`.
    ///   - folder: The folder of work.
    ///   - seconds: Length that was asked for.
    ///   - allowsSound: Whether it may be published with a sound track.
    /// - Returns: What it is.
    /// - Throws: ``MediaError`` with `output_invalid` when it is no MP4 that we read, or has no picture; `CancellationError`.
    package func examine(
        _ name: String,
        in folder: FilePath,
        seconds: Int,
        allowsSound: Bool = false
    ) async throws -> VideoFacts {
        let movie: MP4Movie
        do throws(MP4Error) {
            movie = try MP4Movie.read(from: FileByteSource(path: folder.appending(name).string))
        } catch {
            guard error.code != .tooLarge else {
                throw MediaError(
                    .outputInvalid,
                    "The model's video is too large to be read: \(error.message)"
                )
            }
            throw MediaError.damaged(error.message)
        }
        guard var facts = VideoFacts(movie, seconds: seconds, allowsSound: allowsSound) else {
            throw MediaError(.outputInvalid, "The model's video has no picture")
        }
        // Other codecs say it in their own words, and turned or oblong pictures in several places.
        guard facts.codec == .other || facts.brokenRules.contains(7), !facts.isCutShort else {
            return facts
        }
        let stream = try await stream(of: name, in: folder)
        guard let size = stream.shownSize else {
            throw MediaError.damaged("it has no picture that can be read")
        }
        facts.size = size
        facts.isInterlaced = facts.isInterlaced || stream.isInterlaced
        // The decoder knows what it said.
        if facts.codec == .other, stream.namesColours { facts.colour = .foreign }
        return facts
    }

    private func stream(of name: String, in folder: FilePath) async throws -> ProbeReport.Stream {
        var child = ChildProcess(
            tools.ffprobe,
            FFmpegArguments.probe(name),
            limits: .clip,
            deadline: .seconds(20)
        )
        child.folder = folder
        let outcome = try await tools.run(child)
        guard outcome.succeeded,
            let report = try? JSONDecoder()
                .decode(
                    ProbeReport.self,
                    from: Data(outcome.standardOutput.utf8)
                ),
            let stream = report.streams.first
        else { throw MediaError.damaged("it has no picture that can be read", detail: outcome.detail) }
        return stream
    }
}

/// What `ffprobe -show_streams -of json` says of the picture.
private struct ProbeReport: Decodable {
    struct SideData: Decodable {
        let rotation: Double?
    }

    struct Stream: Decodable {
        enum CodingKeys: String, CodingKey {
            case width
            case height
            case colourSpace = "color_space"
            case fieldOrder = "field_order"
            case sampleAspectRatio = "sample_aspect_ratio"
            case sideData = "side_data_list"
        }

        let width: Int?
        let height: Int?
        let colourSpace: String?
        let fieldOrder: String?
        let sampleAspectRatio: String?
        let sideData: [SideData]?

        var namesColours: Bool { ![nil, "unknown", "reserved"].contains(colourSpace) }

        var isInterlaced: Bool { !["progressive", "unknown", nil].contains(fieldOrder) }

        /// Pixels made square, picture turned upright.
        var shownSize: FrameSize? {
            guard let width, let height, width > 0, height > 0, width <= 16_384, height <= 16_384 else {
                return nil
            }
            let ratio = (sampleAspectRatio ?? "").split(separator: ":").compactMap { Double($0) }
            let stretch = ratio.count == 2 && ratio[0] > 0 && ratio[1] > 0 ? ratio[0] / ratio[1] : 1
            guard (0.1...10).contains(stretch) else { return nil }
            let wide = FrameSize(width: Int((Double(width) * stretch).rounded()), height: height)
            let quarterTurns = Int(((sideData?.compactMap(\.rotation).first ?? 0) / 90).rounded())
            return quarterTurns % 2 == 0 ? wide : FrameSize(width: wide.height, height: wide.width)
        }
    }

    let streams: [Stream]
}
