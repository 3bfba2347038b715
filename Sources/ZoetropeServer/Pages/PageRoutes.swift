import Foundation
import HTTPTypes
import Hummingbird
import ZoetropeCore
import ZoetropeWorkflow

extension RouteTable {
    /// The pages that people use; none is part of the API.
    func addPages(
        _ animate: AnimatePageRoutes,
        _ animations: AnimationPageRoutes,
        _ session: SessionRoutes
    ) {
        add(PageAssets.path, [.get: animate.shell.assets.serve])
        add("/sign-in", [.get: session.form, .post: session.begin])
        add("/sign-out", [.post: session.end])
        add("/", pages: [.get: animate.show])
        add("/animations", pages: [.get: animate.start, .post: animate.order])
        add("/animations/{animation}", pages: [.get: animations.show])
        add(
            "/animations/{animation}/delete",
            pages: [.get: animations.askToDelete, .post: animations.delete]
        )
        add("/animations/{animation}/cancel", pages: [.post: animations.cancel])
        add("/animations/{animation}/retry", pages: [.post: animations.retry])
        add("/animations/{animation}/download", pages: [.get: animations.download])
    }
}

extension ObjectURLs {
    /// Where objects are fetched, such as `https://s3.example`; nil for this service itself.
    var origin: String? {
        guard let key = ObjectKey("any"), let address = URLComponents(string: url(key, Date())),
            let scheme = address.scheme,
            let host = address.host
        else { return nil }
        return "\(scheme)://\(host)\(address.port.map { ":\($0)" } ?? "")"
    }
}
