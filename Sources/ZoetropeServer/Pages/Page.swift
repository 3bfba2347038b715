import HTTPTypes
import Hummingbird
import NIOCore
import ZoetropeWorkflow

/// A page of this service: what stands between its header and its footer.
struct Page: Sendable {
    /// What the navigation leads to.
    enum Place: Sendable {
        case animate
        case admin
    }

    /// Without the service's name.
    var title: String
    /// Where it belongs in the navigation.
    var place: Place?
    /// Who looks at it; nil where nobody is signed in.
    var visitor: Visitor?
    /// More for `<head>`, such as a script of its own.
    var head: HTML = ""
    /// What stands in `<main>`; it begins with an `<h1>`.
    var body: HTML
    var status = HTTPResponse.Status.ok
}

/// What all pages have around them, and the headers that they are sent with.
struct PageShell: Sendable {
    let assets: PageAssets
    private let policy: String

    /// `mediaOrigin` is where pictures and videos come from, when that is not this service, such as `https://s3.example`.
    init(assets: PageAssets = PageAssets(), mediaOrigin: String? = nil) {
        self.assets = assets
        let media = mediaOrigin.map { " \($0)" } ?? ""
        policy = [
            "default-src 'none'", "script-src 'self'", "style-src 'self'",
            "img-src 'self' blob: data:\(media)",
            "media-src 'self' blob:\(media)", "connect-src 'self'", "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ]
        .joined(separator: "; ")
    }

    func response(_ page: Page) -> Response {
        Response(
            status: page.status,
            headers: [
                .contentType: "text/html; charset=utf-8",
                .contentSecurityPolicy: policy,
                // Not no-referrer, with which browsers send a form's Origin as "null".
                .referrerPolicy: "same-origin",
                .permissionsPolicy: "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
                .crossOriginOpenerPolicy: "same-origin",
            ],
            body: ResponseBody(byteBuffer: ByteBuffer(string: document(page).text))
        )
    }

    func document(_ page: Page) -> HTML {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <title>\(page.title) – Zoetrope</title>
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta name="theme-color" media="(prefers-color-scheme: light)" content="#f6f1e6">
        <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#15120e">
        <link rel="icon" type="image/svg+xml" href="\(assets.address(.mark))">
        <link rel="stylesheet" href="\(assets.address(.style))">
        <script src="\(assets.address(.script))" defer></script>
        \(page.head)
        </head>
        <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="top">
        <a class="brand" href="/">\(Drawing.drum)<span>Zoetrope</span></a>
        \(page.visitor.map { navigation($0, at: page.place) })
        </header>
        <main id="main" tabindex="-1">
        \(page.body)
        </main>
        <footer class="bottom"><div class="slits" aria-hidden="true"></div>
        <p>A zoetrope is a drum with slits: spin it, look through, and still pictures begin to move.</p></footer>
        <p class="unseen" id="news" role="status"></p>
        </body>
        </html>

        """
    }

    private func navigation(_ visitor: Visitor, at place: Page.Place?) -> HTML {
        """
        <nav aria-label="Zoetrope">
        \(link("/", "Animate", isHere: place == .animate))
        \(link("/openapi.yaml", "API", isHere: false))
        \(visitor.isSignedIn ? account(visitor) : "")
        </nav>
        """
    }

    private func link(_ path: String, _ name: String, isHere: Bool) -> HTML {
        "<a href=\"\(path)\"\(" aria-current=\"page\"", if: isHere)>\(name)</a>"
    }

    private func account(_ visitor: Visitor) -> HTML {
        """
        <form method="post" action="/sign-out">\(visitor.tokenField)
        <span class="who" title="Signed in as \(visitor.caller.userID)">\(visitor.caller.userID)</span>
        <button class="plain">Sign out</button></form>
        """
    }
}

extension HTTPField.Name {
    fileprivate static let referrerPolicy = named("Referrer-Policy")
    fileprivate static let permissionsPolicy = named("Permissions-Policy")
    fileprivate static let crossOriginOpenerPolicy = named("Cross-Origin-Opener-Policy")
}
