import Hummingbird
import StrictJSON
import ZoetropeWorkflow

/// The body of a call that creates a video, in either encoding.
struct VideoUpload: Sendable {
    let fields: VideoFields
    let image: ImageReference

    /// The body of a JSON call: a data URL, and as much as any other has.
    static let mostJSONBytes = ImageReference.mostURLBytes + 512 * 1_024

    private static let filePart = "input_reference"
    private static let urlPart = "input_reference[image_url]"
    private static let idPart = "input_reference[file_id]"

    private static var missingImage: Problem {
        .missingFromVideo(
            filePart,
            "An image is required: send input_reference as a file, or as an object with image_url"
        )
    }

    private static var unknownFile: Problem {
        .badVideo(filePart, "file_id is not supported, since there are no files here. Send the image, or its image_url")
    }

    private static var twoImages: Problem { .badVideo(filePart, "Send one input_reference") }

    /// Reads a form; its files are made in `folder`.
    static func read(
        _ body: inout BodyReader,
        boundary: MultipartBoundary,
        in folder: String
    ) async throws -> VideoUpload {
        var limits = MultipartForm.Limits()
        limits.textBytes = VideoFields.mostTextBytes
        let form = try await MultipartForm.read(
            &body,
            boundary: boundary,
            texts: VideoFields.names.union([idPart]),
            uploads: [filePart, urlPart],
            in: folder,
            limits: limits
        )
        let fields = try VideoFields(form.fields)
        guard !form.fields.contains(where: { $0.name == idPart }) else { throw unknownFile }
        guard let file = form.files.first else { throw missingImage }
        guard form.files.count == 1 else { throw twoImages }
        return VideoUpload(
            fields: fields,
            image: file.name == filePart
                ? .file(file.path)
                : try await ImageReference(urlIn: file.path, byteCount: file.byteCount, target: "\(folder)/decoded")
        )
    }

    /// Reads a JSON object; the picture of a data URL is written to a file in `folder`.
    static func read(_ json: JSONValue, in folder: String) async throws -> VideoUpload {
        guard let reference = json["input_reference"], reference != .null else { throw missingImage }
        guard reference.object != nil else {
            throw Problem.badVideo(
                filePart,
                "Invalid input_reference. Send an object with image_url, or a form with the file"
            )
        }
        if let id = reference["file_id"], id != .null { throw unknownFile }
        guard let url = reference["image_url"], url != .null else { throw missingImage }
        guard let text = url.string else { throw Problem.badVideo(filePart, "Invalid image_url. Send a string") }
        return VideoUpload(
            fields: VideoFields(json),
            image: try await ImageReference(url: text, target: "\(folder)/decoded")
        )
    }
}
