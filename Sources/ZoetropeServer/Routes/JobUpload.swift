import Hummingbird
import ZoetropeCore

/// A form that makes a job: the part `image`, and `kind` and `on_failure` where the caller has a say in them.
///
/// Other parts do nothing.
struct JobUpload: Sendable {
    let image: [UInt8]
    let kind: JobKind
    let onFailure: FailurePolicy?

    /// Throws the 422 ``Problem`` with everything that is wrong.
    init(_ form: MultipartForm) throws(Problem) {
        var problems: [Problem.Field] = []

        func one(_ name: String) -> MultipartForm.Part? {
            let parts = form.parts.filter { $0.name == name }
            if parts.count > 1 { problems.append(.init(field: name, message: "Send \(name) once")) }
            return parts.first
        }
        func choice<Choice: CaseIterable & RawRepresentable<String>>(_ name: String) -> Choice? {
            guard let part = one(name) else { return nil }
            let choice = String(validating: form.content(of: part), as: UTF8.self).flatMap(Choice.init(rawValue:))
            if choice == nil {
                let offered = Choice.allCases.map(\.rawValue).joined(separator: " or ")
                problems.append(.init(field: name, message: "Invalid \(name). Choose \(offered)"))
            }
            return choice
        }

        let image = one("image")
        if image == nil { problems.append(.init(field: "image", message: "Image is required")) }
        let kind: JobKind? = choice("kind")
        let onFailure: FailurePolicy? = choice("on_failure")
        guard problems.isEmpty, let image else { throw Problem(invalid: problems) }
        self.image = Array(form.content(of: image))
        self.kind = kind ?? .photo
        self.onFailure = onFailure
    }
}
