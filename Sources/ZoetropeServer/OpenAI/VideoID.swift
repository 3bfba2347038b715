import Foundation
import ZoetropeCore

/// An animation as OpenAI's clients name it: `video_` and the 32 hexadecimal digits of its identifier.
struct VideoID: Sendable, Hashable, CustomStringConvertible {
    let animation: AnimationID

    private static let prefix = "video_"

    init(_ animation: AnimationID) {
        self.animation = animation
    }

    /// Reads an identifier as it is written here, or the animation's own; nil for anything else.
    init?(_ text: String) {
        if let animation = AnimationID(text) {
            self.animation = animation
            return
        }
        guard text.hasPrefix(Self.prefix), case let digits = Array(text.utf8.dropFirst(Self.prefix.utf8.count)),
            digits.count == 32
        else { return nil }
        // 8-4-4-4-12
        let groups = [digits[..<8], digits[8..<12], digits[12..<16], digits[16..<20], digits[20...]]
        let uuid = groups.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "-")
        guard let animation = AnimationID(uuid) else { return nil }
        self.animation = animation
    }

    var description: String {
        Self.prefix + animation.description.filter { $0 != "-" }
    }
}
