import Foundation
import NIOCore
package import ZoetropeCore

/// The body of `POST /videos` as `multipart/form-data`, the one encoding that all engines take.
struct VideoForm: Sendable {
    let boundary = "zoetrope-\(UUID().uuidString)"
    let body: ByteBuffer

    /// Writes the form of an order.
    ///
    /// - Parameters:
    ///   - request: What is wanted; `model` is left out where the row names none.
    ///   - size: Width × height of the clip.
    ///   - image: A JPEG.
    ///   - fileName: Letters, digits, `_`, `-` and `.` only.
    init(_ request: AnimationRequest, size: FrameSize, image: [UInt8], fileName: String) {
        var fields = [
            ("prompt", request.composedPrompt),
            ("seconds", String(request.model.generatedSeconds ?? request.seconds)),
            ("size", "\(size.width)x\(size.height)"),
        ]
        if !request.model.name.isEmpty { fields.append(("model", request.model.name)) }
        if let seed = request.chosenSeed {
            fields.append(("seed", String(Int64(truncatingIfNeeded: seed) & AnimationParams.largestSeed)))
        }
        var body = ByteBuffer()
        for (name, value) in fields {
            body.writeString(
                "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n"
            )
        }
        body.writeString("--\(boundary)\r\n")
        body.writeString(
            "Content-Disposition: form-data; name=\"input_reference\"; filename=\"\(fileName)\"\r\n"
        )
        body.writeString("Content-Type: image/jpeg\r\n\r\n")
        body.writeBytes(image)
        body.writeString("\r\n--\(boundary)--\r\n")
        self.body = body
    }
}

extension FrameSize {
    /// Aspects of the pictures that we send.
    private static let engineAspects = 0.4...2.5

    /// The size to ask an engine for, whose models stretch the picture to what they are asked for.
    ///
    /// So it has the picture's own aspect, as nearly as sides in multiples of 16 allow. A picture that has such a size already
    /// keeps it, as the last frame of a first part does.
    package static func ofEngineClip(for picture: FrameSize, resolution: Resolution) -> FrameSize {
        let isWhole = picture.width % 16 == 0 && picture.height % 16 == 0
        if isWhole, (resolution.area * 4 / 5...resolution.area).contains(picture.pixels) {
            return picture
        }
        return ofClip(for: picture, resolution: resolution, aspects: engineAspects)
    }
}
