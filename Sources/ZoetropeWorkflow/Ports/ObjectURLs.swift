package import Foundation
package import ZoetropeCore

/// Addresses under which objects can be fetched for a while, without login.
package struct ObjectURLs: Sendable {
    /// The address of an object, whether there is one or not.
    ///
    /// A path on this service or a whole URL. It stops working at `expires`, of which only whole seconds count.
    package let url: @Sendable (_ key: ObjectKey, _ expires: Date) -> String

    /// Judges the parts of an address on this service: the key as it stands in the path, percent-encoded, and the
    /// values of `expires` and `signature`, as they stand in the query.
    ///
    /// Always ``SignedURLVerdict/forged`` for stores whose objects are fetched elsewhere.
    package let verify:
        @Sendable (_ key: String, _ expires: String, _ signature: String, _ now: Date) ->
            SignedURLVerdict

    package init(
        url: @escaping @Sendable (_ key: ObjectKey, _ expires: Date) -> String,
        verify:
            @escaping @Sendable (_ key: String, _ expires: String, _ signature: String, _ now: Date) ->
            SignedURLVerdict
    ) {
        self.url = url
        self.verify = verify
    }
}

/// What became of a signed URL.
package enum SignedURLVerdict: Sendable, Equatable {
    case valid(ObjectKey)
    /// We signed it, and its time is over.
    case expired
    /// We did not sign this.
    case forged
}
