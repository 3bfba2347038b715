/// A request that arrived as a whole.
package struct IncomingRequest: Sendable {
    package var origin: Origin
    package var method: String
    package var target: RequestTarget
    package var headers: [Header]
    package var body: [UInt8]
    /// The body passed the limit and was thrown away.
    package var isTooLarge: Bool
    /// The number of its connection.
    package var connection: Int

    package init(
        origin: Origin = .api,
        method: String,
        target: String,
        headers: [Header] = [],
        body: [UInt8] = [],
        isTooLarge: Bool = false,
        connection: Int = 0
    ) {
        self.origin = origin
        self.method = method
        self.target = RequestTarget(target)
        self.headers = headers
        self.body = body
        self.isTooLarge = isTooLarge
        self.connection = connection
    }

    /// What the client calls this server: scheme, host and port.
    var base: String { "http://" + host }

    /// The `Host` header, if it looks like one.
    var host: String {
        guard let host = headers["host"], !host.isEmpty, host.utf8.count <= 255,
            host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "/") })
        else { return "127.0.0.1" }
        return host
    }

    /// The `Host` header without its port.
    var hostName: String {
        let host = host
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") { return String(host[...end]) }
        return String(host.prefix { $0 != ":" })
    }
}
