import Foundation
package import Hummingbird
import NIOCore
import ZoetropeCore

/// What is known of a request beside the request itself.
package struct APIContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// Names the request in answers and logs.
    package var requestID: String
    /// Who is at the other end of the connection; nil where there is none.
    let remoteAddress: SocketAddress?

    package init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        remoteAddress = source.channel.remoteAddress
        requestID = UUID().text
    }
}
