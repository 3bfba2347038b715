import HTTPTypes
import Hummingbird
import ZoetropeCore
import ZoetropeWorkflow

/// Finds out who looks at a page, and whether a form is the visitor's own.
struct PageAccess: Sendable {
    let auth: ServerSettings.Auth

    /// Nil for who must sign in first.
    ///
    /// Throws the ``Problem`` of a stranger on a service without login, and when tokens cannot be checked.
    func visitor(_ request: Request) async throws(Problem) -> Visitor? {
        switch auth {
        case .local:
            return Visitor(caller: try await Access(auth: auth).caller(of: request), formToken: nil)
        case .token(let caller):
            guard let session = SessionCookie(request) else { return nil }
            do throws(AccessError) {
                return Visitor(caller: try await caller(session.token), formToken: session.formToken)
            } catch {
                // One that has expired or was forged is as good as none.
                guard error.code == .unavailable else { return nil }
                throw Problem(error)
            }
        }
    }

    /// The visitor whose own page sent a form.
    ///
    /// The form's token is not looked at here, see ``PageForm``. Throws as ``visitor(_:)``, and the 403 ``Problem`` of a form
    /// of another site.
    func sender(_ request: Request) async throws(Problem) -> Visitor? {
        guard request.isOfOwnPage else { throw .foreignForm }
        return try await visitor(request)
    }
}

extension Problem {
    static let foreignForm = Problem(
        .forbidden,
        "foreign_origin",
        "This was not sent by a page of this service. Open the page again and send it from there"
    )
}

extension Response {
    /// Sends a browser to another page.
    static func seeOther(_ path: String, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.location] = path
        return Response(status: .seeOther, headers: headers)
    }
}

/// A path of this service to which a visitor can be sent back.
struct OwnPath: Sendable {
    let text: String

    /// `/` for anything that is no plain path here, such as `//elsewhere.example`.
    init(_ text: String?) {
        let text = text ?? "/"
        let isPlain =
            text.hasPrefix("/") && !text.hasPrefix("//") && text.isVisibleASCII(1...512)
            && !text.contains("\\")
        self.text = isPlain ? text : "/"
    }

    /// As the value of a query parameter.
    var asQuery: String { text.asQuery }
}

extension String {
    /// As the value of a query parameter.
    var asQuery: String {
        var escaped = ""
        for byte in utf8 {
            let character = Character(Unicode.Scalar(byte))
            if character.isASCII, character.isLetter || character.isNumber || "-._~".contains(character) {
                escaped.append(character)
            } else {
                escaped += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return escaped
    }
}
