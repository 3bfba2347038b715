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
    func caller(of request: Request) throws(Problem) -> Caller {
        switch auth {
        case .local:
            try refuseStrangers(request)
            return Caller(userID: "local", tier: .paid)
        }
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
    private static func host(of authority: String) -> String {
        guard let colon = authority.lastIndex(of: ":"),
            authority[colon...].dropFirst().utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return authority }
        return String(authority[..<colon])
    }
}
