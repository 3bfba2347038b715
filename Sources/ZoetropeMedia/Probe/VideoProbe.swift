import Foundation
package import SystemPackage
package import ZoetropeCore

/// What a video from outside is, as far as the encode chain needs to know.
package struct VideoFacts: Sendable, Equatable {
    /// Size as it is shown: rotation and pixel aspect applied.
    package let size: FrameSize
    package let isInterlaced: Bool
    package let hasSound: Bool
    /// What keeps it from being published as it is, by rules 1–17 of the target; empty when it conforms.
    package let findings: [String]
}

/// Looks at a video from outside: with our own bounded reader of MP4 boxes where that suffices, else with ffprobe.
package struct VideoProbe: Sendable {
    private let tools: MediaTools

    package init(tools: MediaTools) {
        self.tools = tools
    }

    /// The most pixels that a decoder may be asked for: 4096 × 2176.
    static let maxPixels = 8_912_896

    /// Examines a file.
    ///
    /// Throws `output_invalid` when it is no MP4 that we read, has no picture, or is larger than any model makes.
    /// - Parameters:
    ///   - name: Bare name of the file in `folder`.
    ///   - folder: The folder of work.
    ///   - seconds: Length that was asked for.
    ///   - allowsSound: Whether it may be published with a sound track.
    /// - Returns: What it is.
    /// - Throws: ``MediaError``; `CancellationError`.
    package func examine(
        _ name: String,
        in folder: FilePath,
        seconds: Int,
        allowsSound: Bool = false
    ) async throws -> VideoFacts {
        let movie: MP4Movie
        do {
            movie = try MP4Movie.read(from: FileByteSource(path: folder.appending(name).string))
        } catch {
            // What arrived damaged may arrive whole the next time.
            throw MediaError(.outputInvalid, "The model's video is damaged: \(error.message)", isRetryable: true)
        }
        let findings = MP4Conformance.check(movie, seconds: seconds, allowsSound: allowsSound).map(\.description)
        let hasSound = movie.soundTrack != nil
        if findings.isEmpty, let picture = movie.videoTrack {
            return VideoFacts(
                size: FrameSize(width: picture.width, height: picture.height),
                isInterlaced: false,
                hasSound: hasSound,
                findings: []
            )
        }

        var child = ChildProcess(
            tools.ffprobe,
            FFmpegArguments.probe(name),
            limits: .clip,
            deadline: .seconds(20)
        )
        child.folder = folder
        let outcome = try await tools.run(child)
        guard outcome.succeeded,
            let report = try? JSONDecoder().decode(ProbeReport.self, from: Data(outcome.standardOutput.utf8)),
            let stream = report.streams.first, let size = stream.shownSize
        else {
            throw MediaError(
                .outputInvalid,
                "The model's video has no picture that can be read",
                detail: outcome.detail,
                isRetryable: true
            )
        }
        guard size.pixels <= Self.maxPixels else {
            throw MediaError(.outputInvalid, "The model's video is \(size) pixels; at most \(Self.maxPixels) are taken")
        }
        return VideoFacts(
            size: size,
            isInterlaced: stream.isInterlaced,
            hasSound: hasSound,
            findings: findings
        )
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
            case fieldOrder = "field_order"
            case sampleAspectRatio = "sample_aspect_ratio"
            case sideData = "side_data_list"
        }

        let width: Int?
        let height: Int?
        let fieldOrder: String?
        let sampleAspectRatio: String?
        let sideData: [SideData]?

        var isInterlaced: Bool { !["progressive", "unknown", nil].contains(fieldOrder) }

        /// Pixels made square, picture turned upright.
        var shownSize: FrameSize? {
            guard let width, let height, width > 0, height > 0, width <= 16_384, height <= 16_384 else { return nil }
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
