/// The name of an object in the object store: a relative path that stays below the store's folder.
package struct ObjectKey: Sendable, Hashable, CustomStringConvertible {
    /// The key as it is stored, for example `uploads/{job}/source.jpg`.
    package let description: String

    /// The longest key, in UTF-8 bytes.
    ///
    /// S3 takes 1,024; the rest is left for a prefix in the bucket.
    package static let maxBytes = 512

    /// Takes a key from outside.
    ///
    /// Nil when it is empty, longer than ``maxBytes``, begins or ends with `/`, holds a part that is empty, `.` or `..`,
    /// or a control character.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.maxBytes else { return nil }
        let controls: ClosedRange<Unicode.Scalar> = "\u{7F}"..."\u{9F}"
        guard !text.unicodeScalars.contains(where: { $0 < " " || controls.contains($0) }) else { return nil }
        // By bytes: as a character, a slash with a combining mark would not be a slash.
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard !parts.contains(where: { $0.count <= 2 && $0.allSatisfy { $0 == UInt8(ascii: ".") } }) else { return nil }
        description = text
    }

    private init(trusted text: String) {
        description = text
    }

    /// The last part of the key, with only such characters as are safe in a header and in a file's name.
    package var fileName: String {
        let name = description.utf8.split(separator: UInt8(ascii: "/")).last ?? "".utf8[...]
        let safe = name.map { byte -> Character in
            let character = Character(Unicode.Scalar(byte))
            return character.isASCII && (character.isLetter || character.isNumber || "-_.".contains(character))
                ? character : "_"
        }
        return String(safe)
    }
}

extension ObjectKey {
    /// The published video of an animation.
    ///
    /// `edition`, from 1, grows when a video that was published is withdrawn: a key never gets other bytes.
    package static func video(_ job: JobID, _ animation: AnimationID, edition: Int = 1) -> ObjectKey {
        published(job, animation, edition, ".mp4")
    }

    /// The HD result of an animation, when it differs from the published video.
    package static func hdVideo(_ job: JobID, _ animation: AnimationID, edition: Int = 1) -> ObjectKey {
        published(job, animation, edition, "-hd.mp4")
    }

    /// The poster of an animation, a JPEG.
    package static func poster(_ job: JobID, _ animation: AnimationID, edition: Int = 1) -> ObjectKey {
        published(job, animation, edition, ".jpg")
    }

    private static func published(
        _ job: JobID,
        _ animation: AnimationID,
        _ edition: Int,
        _ suffix: String
    ) -> ObjectKey {
        ObjectKey(trusted: "animations/\(job)/\(animation)\(edition == 1 ? "" : "-\(edition)")\(suffix)")
    }

    /// The animation that this is a published object of, of whatever edition; nil for other keys.
    package var animation: AnimationID? {
        let parts = description.split(separator: "/")
        guard parts.count == 3, parts[0] == "animations" else { return nil }
        return AnimationID(String(parts[2].prefix(36)))
    }

    /// The image that a job was made with.
    package static func source(_ job: JobID, _ format: ImageFormat) -> ObjectKey {
        ObjectKey(trusted: "uploads/\(job)/source.\(format.fileExtension)")
    }

    /// A restored version of a job's photo.
    package static func restore(_ job: JobID, _ restore: RestoreID, _ format: ImageFormat) -> ObjectKey {
        ObjectKey(trusted: "restores/\(job)/\(restore).\(format.fileExtension)")
    }

    /// What everything that the sweep may delete begins with.
    package static let temporaryPrefix = "tmp/"

    /// An object of one lease epoch, which another epoch never writes.
    ///
    /// `file` is a file name such as `video.mp4`, from our own code.
    package static func temporary(_ animation: AnimationID, epoch: Int64, file: String) -> ObjectKey {
        guard let key = ObjectKey("\(temporaryPrefix)\(animation)/\(epoch)/\(file)") else {
            preconditionFailure("file must be a file name, got \"\(file)\"")
        }
        return key
    }
}
