import HTTPTypes
import Hummingbird
import ZoetropeCore
import ZoetropeWorkflow

/// Finds out who calls.
struct Access: Sendable {
    let auth: ServerSettings.Auth

    /// The caller of a request.
    ///
    /// Throws the ``Problem`` that is answered when there is none.
    func caller(of request: Request) async throws(Problem) -> Caller {
        switch auth {
        case .local:
            try refuseStrangers(request)
            return Caller(userID: "local", tier: .paid)
        case .token(let caller):
            do throws(AccessError) {
                return try await caller(Self.token(of: request))
            } catch {
                throw Problem(error)
            }
        }
    }

    private static func token(of request: Request) throws(AccessError) -> String {
        let values = request.headers[values: .authorization]
        guard values.count <= 1 else { throw AccessError(.malformed, "more than one Authorization header") }
        guard let value = values.first else {
            guard let session = SessionCookie(ofScript: request) else { throw AccessError(.missing) }
            return session.token
        }
        let parts = value.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else {
            throw AccessError(.malformed, "Authorization is not a Bearer token")
        }
        return String(parts[1])
    }

    /// Without a login, whatever reaches the port is the user, so a web page that the user looks at must not reach it.
    ///
    /// A page at another origin says so in `Origin`. One whose name was made to resolve to this machine has its own name
    /// in `Host`, and so has whatever comes through a tunnel or a proxy that serves the world.
    private func refuseStrangers(_ request: Request) throws(Problem) {
        let authority = request.head.authority?.lowercased() ?? ""
        guard ServerSettings.isLoopback(Self.host(of: authority)) else {
            throw Problem(
                .forbidden,
                "foreign_host",
                "Without login this service answers only to localhost; use http://127.0.0.1 or http://localhost"
            )
        }
        guard let origin = request.headers[.origin]?.lowercased() else { return }
        guard ["http://\(authority)", "https://\(authority)"].contains(origin) else {
            throw Problem(.forbidden, "foreign_origin", "Web pages of other origins may not use this service")
        }
    }

    /// An authority without its port; what has no port at its end stays as it is.
    static func host(of authority: String) -> String {
        guard let colon = authority.lastIndex(of: ":"),
            authority[colon...].dropFirst().utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return authority }
        return String(authority[..<colon])
    }
}

extension Problem {
    /// 401 for every token that is not accepted, and 503 when that cannot be found out.
    init(_ error: AccessError) {
        if error.code == .unavailable {
            self = .unavailable("Access tokens cannot be checked right now", retryAfterSeconds: 5)
            return
        }
        let (code, detail) =
            switch error.code {
            case .missing: ("token_missing", "Send an access token: Authorization: Bearer TOKEN")
            case .expired: ("token_expired", "The access token has expired. Get a new one")
            default: ("token_invalid", "The access token is not valid")
            }
        self.init(.unauthorized, code, detail)
        headers[.wwwAuthenticate] =
            error.code == .missing ? "Bearer" : "Bearer error=\"invalid_token\", error_description=\"\(detail)\""
    }
}
