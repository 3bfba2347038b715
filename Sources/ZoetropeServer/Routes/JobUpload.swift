import Hummingbird
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// What makes a job: the image, and `kind` and `on_failure` where the caller has a say in them.
///
/// A form has the image in its part `image`, a JSON object its address in `image_url`; whatever else is in them does
/// nothing.
struct JobUpload: Sendable {
    /// The path of the image's file.
    let image: String
    let kind: JobKind
    let onFailure: FailurePolicy?
    /// Where the image is to be fetched from first.
    private var imageURL: String?

    /// Reads the form; its file is made in `folder`.
    ///
    /// Throws what ``MultipartForm`` does, and the 422 ``Problem`` with everything that is wrong.
    static func read(
        _ body: inout BodyReader,
        boundary: MultipartBoundary,
        in folder: String
    ) async throws -> JobUpload {
        try JobUpload(
            await MultipartForm.read(
                &body,
                boundary: boundary,
                texts: ["kind", "on_failure"],
                uploads: ["image"],
                in: folder
            )
        )
    }

    private init(_ form: MultipartForm) throws(Problem) {
        var problems: [Problem.Field] = []

        func one<Part>(_ name: String, _ parts: [Part]) -> Part? {
            if parts.count > 1 { problems.append(.init(field: name, message: "Send \(name) once")) }
            return parts.first
        }
        func choice<Choice: CaseIterable & RawRepresentable<String>>(_ name: String) -> Choice? {
            guard let field = one(name, form.fields.filter { $0.name == name }) else { return nil }
            // What is no UTF-8 is no choice either.
            return Self.choice(name, field.text ?? "", &problems)
        }

        let image = one("image", form.files)
        if image == nil { problems.append(.init(field: "image", message: "Image is required")) }
        let kind: JobKind? = choice("kind")
        let onFailure: FailurePolicy? = choice("on_failure")
        guard problems.isEmpty, let image else { throw Problem(invalid: problems) }
        self.image = image.path
        self.kind = kind ?? .photo
        self.onFailure = onFailure
    }

    /// Reads a JSON object; its image is to be brought by ``fetch(_:)``.
    ///
    /// Throws the 422 ``Problem`` with everything that is wrong.
    init(_ json: JSONValue, in folder: String) throws(Problem) {
        var problems: [Problem.Field] = []
        let url = json.text("image_url", &problems)
        if url == nil, problems.isEmpty {
            problems.append(.init(field: "image_url", message: "Send image_url, or the image itself as a form"))
        }
        let kind: JobKind? = Self.choice("kind", json.text("kind", &problems), &problems)
        let onFailure: FailurePolicy? = Self.choice("on_failure", json.text("on_failure", &problems), &problems)
        guard problems.isEmpty else { throw Problem(invalid: problems) }
        image = "\(folder)/fetched"
        imageURL = url
        self.kind = kind ?? .photo
        self.onFailure = onFailure
    }

    /// Fetches the image, if it is elsewhere.
    func fetch(_ outbound: Outbound) async throws {
        if let imageURL { try await outbound.fetch(imageURL: imageURL, to: image) }
    }

    private static func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ name: String,
        _ text: String?,
        _ problems: inout [Problem.Field]
    ) -> Choice? {
        guard let text else { return nil }
        let choice = Choice(rawValue: text)
        if choice == nil {
            let offered = Choice.allCases.map(\.rawValue).joined(separator: " or ")
            problems.append(.init(field: name, message: "Invalid \(name). Choose \(offered)"))
        }
        return choice
    }
}
