/// What a clip is made of; equal recipes give the same file.
package struct VideoRecipe: Sendable, Hashable, Codable {
    package var width: Int
    package var height: Int
    package var framesPerSecond: Int
    /// How many pictures; the length is this over ``framesPerSecond``.
    package var frames: Int
    package var hasAudio: Bool
    /// Name of the file that it is instead; see ``ReplicateSimulator/Configuration/videoFolder``.
    package var file: String?

    package init(
        width: Int,
        height: Int,
        framesPerSecond: Int,
        frames: Int,
        hasAudio: Bool,
        file: String? = nil
    ) {
        self.width = width
        self.height = height
        self.framesPerSecond = framesPerSecond
        self.frames = frames
        self.hasAudio = hasAudio
        self.file = file
    }

    package var seconds: Double { Double(frames) / Double(framesPerSecond) }

    /// For file names and logs: `1280x720-25fps-141f-silent`, and `-` and the file's name if it is one.
    package var name: String {
        let made = "\(width)x\(height)-\(framesPerSecond)fps-\(frames)f-\(hasAudio ? "audio" : "silent")"
        return file.map { "\(made)-\($0)" } ?? made
    }

    /// Stands for the clip's data URI until the clip is made.
    var placeholder: String { Self.placeholderPrefix + name }

    static let placeholderPrefix = "simulator-video:"
}
