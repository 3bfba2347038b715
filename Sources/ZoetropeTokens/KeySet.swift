import StrictJSON
import ZoetropeWorkflow

/// The keys of an issuer (RFC 7517, section 5).
struct KeySet: Sendable {
    /// More are not looked at.
    static let maxKeys = 100

    let keys: [TokenKey]

    /// Reads a key set; keys that cannot be used are left out.
    ///
    /// - Returns: `nil` for what is no key set.
    init?(parsing bytes: [UInt8]) async {
        guard let members = TokenObject.members(of: bytes)?["keys"]?.array else { return nil }
        var keys: [TokenKey] = []
        for member in members.prefix(Self.maxKeys) {
            if let jwk = member.object, let key = await TokenKey(jwk: jwk) { keys.append(key) }
        }
        self.keys = keys
    }

    /// The keys that may have signed a token: those with its `kid`, or, for a token without, the only one of its algorithm.
    func keys(for token: CompactToken) -> [TokenKey] {
        let keys = keys.filter { $0.algorithm == token.algorithm }
        guard let id = token.keyID else { return keys.count == 1 ? keys : [] }
        return keys.filter { $0.id.map { $0.utf8.elementsEqual(id.utf8) } ?? false }
    }
}
