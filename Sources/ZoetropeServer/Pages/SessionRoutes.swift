import Foundation
import HTTPTypes
import Hummingbird
import ZoetropeCore
import ZoetropeWorkflow

/// Signing in with an access token, and out.
///
/// The token becomes the session's cookie. It arrives in the body of a form, of our own page or of another site's, and never in
/// an address.
struct SessionRoutes: Sendable {
    let access: PageAccess
    let shell: PageShell
    let now: @Sendable () -> Date

    @Sendable func form(_ request: Request, _ context: APIContext) async throws -> Response {
        guard case .token = access.auth else { return .seeOther("/") }
        let next = OwnPath(request.uri.queryParameters["next"].map { String($0) })
        if try await access.visitor(request) != nil { return .seeOther(next.text) }
        return shell.response(SignInPage.asking(next: next.text))
    }

    /// Takes a token and begins the session.
    ///
    /// A form of another site only gets a question: otherwise any site could sign its visitors in as somebody else, and what
    /// they upload would be that somebody's.
    @Sendable func begin(_ request: Request, _ context: APIContext) async throws -> Response {
        guard case .token(let caller) = access.auth else { return .seeOther("/") }
        let form = try await PageForm(request, of: nil)
        let next = OwnPath(form["next"]).text
        let token = form["access_token"]?.filter { !$0.isWhitespace } ?? ""
        guard token.utf8.count <= SessionCookie.mostTokenBytes else {
            return shell.response(
                SignInPage.asking(
                    next: next,
                    problem:
                        "This token is longer than \(SessionCookie.mostTokenBytes) characters, more than a browser keeps."
                )
            )
        }
        do throws(AccessError) {
            let caller = try await caller(token)
            guard request.isOfOwnPage else {
                return shell.response(SignInPage.confirming(caller.userID, token: token, next: next))
            }
        } catch {
            if error.code == .unavailable { throw Problem(error) }
            return shell.response(SignInPage.asking(next: next, problem: Self.sentence(error)))
        }
        let cookie = SessionCookie(token: token).beginning(request, now: now())
        return .seeOther(next, headers: [.setCookie: cookie])
    }

    /// Ends the session; who has none is where signing out leads.
    @Sendable func end(_ request: Request, _ context: APIContext) async throws -> Response {
        guard let visitor = try await access.sender(request), visitor.isSignedIn else {
            return .seeOther("/sign-in")
        }
        _ = try await PageForm(request, of: visitor)
        return .seeOther("/sign-in", headers: [.setCookie: SessionCookie.ending(request)])
    }

    private static func sentence(_ error: AccessError) -> String {
        switch error.code {
        case .missing: "Paste an access token first."
        case .expired: "This token has expired. Get a new one and paste it here."
        default: "This token is not valid here. Copy the whole of it and try again."
        }
    }
}

/// The pages of ``SessionRoutes``.
enum SignInPage {
    static func asking(next: String, problem: String? = nil) -> Page {
        Page(
            title: "Sign in",
            body: """
                <section class="sheet">
                <h1>Sign in</h1>
                <p>Paste the access token that you were given. It stays in this browser until it expires or you sign out.</p>
                \(problem.map { notice($0) })
                <form method="post" action="/sign-in">
                <input type="hidden" name="next" value="\(next)">
                <p class="field"><label for="access-token">Access token</label>
                <textarea id="access-token" name="access_token" rows="5" required spellcheck="false" autocomplete="off" \
                autocapitalize="off"\(" aria-invalid=\"true\" aria-describedby=\"problem\"", if: problem != nil)></textarea></p>
                <p class="actions"><button class="go">Sign in</button></p>
                </form>
                <p class="hint">Operators make one with <code>zoetrope token --user NAME</code>.</p>
                </section>
                """,
            status: problem == nil ? .ok : .unprocessableContent
        )
    }

    static func confirming(_ name: String, token: String, next: String) -> Page {
        Page(
            title: "Sign in",
            body: """
                <section class="sheet">
                <h1>Sign in as \(name)?</h1>
                <p>Another site sent you here with an access token. What you upload will belong to this account.</p>
                <form method="post" action="/sign-in">
                <input type="hidden" name="next" value="\(next)">
                <input type="hidden" name="access_token" value="\(token)">
                <p class="actions"><button class="go">Sign in as \(name)</button><a class="button" href="/">No</a></p>
                </form>
                </section>
                """
        )
    }

    private static func notice(_ problem: String) -> HTML {
        "<p class=\"notice bad\" id=\"problem\" role=\"alert\">\(problem)</p>"
    }
}
