/// What a clip is made of; equal recipes give the same file.
package struct VideoRecipe: Sendable, Hashable, Codable {
    package var width: Int
    package var height: Int
    package var framesPerSecond: Int
    /// How many pictures; the length is this over ``framesPerSecond``.
    package var frames: Int
    package var hasAudio: Bool

    package init(width: Int, height: Int, framesPerSecond: Int, frames: Int, hasAudio: Bool) {
        self.width = width
        self.height = height
        self.framesPerSecond = framesPerSecond
        self.frames = frames
        self.hasAudio = hasAudio
    }

    package var seconds: Double { Double(frames) / Double(framesPerSecond) }

    /// For file names and logs: `1280x720-25fps-141f-silent`.
    package var name: String {
        "\(width)x\(height)-\(framesPerSecond)fps-\(frames)f-\(hasAudio ? "audio" : "silent")"
    }

    /// Stands for the clip's data URI until the clip is made.
    var placeholder: String { Self.placeholderPrefix + name }

    static let placeholderPrefix = "simulator-video:"
}
