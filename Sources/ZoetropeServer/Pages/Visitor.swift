import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// Who looks at a page.
struct Visitor: Sendable {
    let caller: Caller
    /// What every form of the visitor's carries; nil without login, where there is no session to forge a form for.
    let formToken: String?

    var isSignedIn: Bool { formToken != nil }

    /// The field of ``formToken``, for each form that changes something.
    var tokenField: HTML {
        formToken.map { "<input type=\"hidden\" name=\"token\" value=\"\($0)\">" } ?? ""
    }
}

/// The cookie that stands for an access token in a browser: it holds the token itself, so that any process can read it.
struct SessionCookie: Sendable {
    /// Browsers keep no longer ones.
    static let mostTokenBytes = 3_800

    let token: String

    /// The session of a request; nil without one.
    init?(_ request: Request) {
        guard let token = request.cookies[Self.name(request)]?.value, !token.isEmpty else { return nil }
        self.token = token
    }

    init(token: String) { self.token = token }

    /// The session of a call to the API by our own script; nil for a call by anybody else.
    ///
    /// A page of another origin cannot send the header: the browser would ask us first, and we do not answer that.
    init?(ofScript request: Request) {
        guard request.uri.path.hasPrefix("/api/v1/"), request.headers[.ownPage] == "1",
            request.headers[.fetchSite] ?? "same-origin" == "same-origin",
            request.headers[.origin] == nil || request.isOfOwnPage
        else { return nil }
        self.init(request)
    }

    /// What a form of this session carries, which no other page can know.
    var formToken: String {
        let key = SymmetricKey(data: Array(token.utf8))
        return HMAC<SHA256>.authenticationCode(for: Array("zoetrope form".utf8), using: key).hexadecimal
    }

    /// `Set-Cookie` that begins the session; it ends with the token.
    func beginning(_ request: Request, now: Date) -> String {
        let age = expiry.map { "; Max-Age=\(Int(max(0, $0.timeIntervalSince(now))))" } ?? ""
        return Self.header(request, token) + age
    }

    /// `Set-Cookie` that ends the session of whoever sent a request.
    static func ending(_ request: Request) -> String { "\(header(request, ""))\("; Max-Age=0")" }

    /// Lax, so that a link in a message leads to the animation and not to the sign-in page; nothing changes by a GET.
    private static func header(_ request: Request, _ value: String) -> String {
        "\(name(request))=\(value); Path=/; HttpOnly; SameSite=Lax\(request.isSecure ? "; Secure" : "")"
    }

    /// Where the connection is secure no other site of the domain, and no plain connection, can set a cookie of this name.
    private static func name(_ request: Request) -> String {
        request.isSecure ? "__Host-zoetrope" : "zoetrope"
    }

    /// `exp` of the token, whose signature was checked.
    private var expiry: Date? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        let base64 = parts[1].replacing("-", with: "+").replacing("_", with: "/")
        let padded = base64 + String(repeating: "=", count: (4 - base64.count % 4) % 4)
        guard let payload = Data(base64Encoded: String(padded)),
            let claims = try? JSONValue(parsing: Array(payload)),
            let seconds = claims["exp"]?.integer
        else { return nil }
        return Date(timeIntervalSince1970: TimeInterval(seconds))
    }
}

extension Request {
    /// Whether the browser's connection is encrypted, as far as a proxy says so.
    ///
    /// Who lies about it only keeps the own cookie from coming back.
    var isSecure: Bool { headers[.forwardedProto]?.lowercased() == "https" }

    /// A path of this service as a whole address; a whole address as it is.
    func absolute(_ url: String) -> String {
        guard url.hasPrefix("/"), let authority = head.authority, authority.isAuthority else {
            return url
        }
        return "\(isSecure ? "https" : "http")://\(authority)\(url)"
    }

    /// Whether a browser says that one of our own pages sent this.
    ///
    /// Every browser sends `Origin` with a POST; `Sec-Fetch-Site` only over secure connections and to this machine.
    var isOfOwnPage: Bool {
        let site = headers[.fetchSite]
        let origin = headers[.origin]?.lowercased()
        guard site == nil || site == "same-origin", site != nil || origin != nil else { return false }
        guard let origin else { return true }
        let authority = head.authority?.lowercased() ?? ""
        return origin == "http://\(authority)" || origin == "https://\(authority)"
    }
}

extension HTTPField.Name {
    static let forwardedProto = named("X-Forwarded-Proto")
    static let fetchSite = named("Sec-Fetch-Site")
    /// What our script sends with each call to the API, and a page of another origin cannot.
    static let ownPage = named("X-Zoetrope-Page")
}
