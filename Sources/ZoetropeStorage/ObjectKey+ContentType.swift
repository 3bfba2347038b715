import ZoetropeCore

extension ObjectKey {
    /// The media type that the key's ending stands for; bytes of any kind for endings that we do not write.
    var contentType: String {
        switch description.split(separator: ".").last {
        case "mp4": "video/mp4"
        case "jpg": ImageFormat.jpeg.mediaType
        case "png": ImageFormat.png.mediaType
        case "webp": ImageFormat.webp.mediaType
        default: "application/octet-stream"
        }
    }
}
