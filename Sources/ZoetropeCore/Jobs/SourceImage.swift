/// A job's image as it lies in the object store.
package struct SourceImage: Sendable, Hashable {
    package var key: ObjectKey
    /// A media type, such as `image/jpeg`.
    package var contentType: String
    /// Width × height in pixels, upright.
    package var size: FrameSize
    /// How the stored pixels must be turned; the stored file itself carries no metadata.
    package var orientation: ImageOrientation
    package var byteCount: Int
    /// 64 lower-case hexadecimal digits.
    package var sha256: String

    package init(
        key: ObjectKey,
        contentType: String,
        size: FrameSize,
        orientation: ImageOrientation = .upright,
        byteCount: Int,
        sha256: String
    ) {
        self.key = key
        self.contentType = contentType
        self.size = size
        self.orientation = orientation
        self.byteCount = byteCount
        self.sha256 = sha256
    }
}
