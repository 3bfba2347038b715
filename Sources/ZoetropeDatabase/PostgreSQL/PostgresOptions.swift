import CLibPQ

/// How to reach the server.
struct PostgresOptions: Sendable {
    /// What libpq knows as a connection string; may hold the password.
    private let url: String
    /// Nil when the URL has none.
    private let password: String?
    /// Milliseconds after which the server ends a statement.
    let statementTimeout: Int

    /// Throws ``DatabaseError`` without a word of the URL when libpq does not understand it.
    init(url: String, statementTimeout: Duration) throws(DatabaseError) {
        guard url.hasPrefix("postgres://") || url.hasPrefix("postgresql://"), !url.utf8.contains(0),
            let options = PQconninfoParse(url, nil)
        else {
            throw DatabaseError(
                .internal,
                "The database URL must be postgres://user:password@host:port/name, with parts percent-encoded"
            )
        }
        defer { PQconninfoFree(options) }
        self.url = url
        self.statementTimeout = statementTimeout.milliseconds
        password = Self.value("password", in: options)
    }

    /// Opens a connection; blocks for at most the URL's `connect_timeout`, by default 5 s for each address.
    func connect() throws(DatabaseError) -> OpaquePointer {
        // What comes before `dbname` gives way to the URL.
        let parameters = [
            ("connect_timeout", "5"),
            // A peer that vanished is noticed within 30 s; of no meaning on a Unix socket.
            ("keepalives_idle", "10"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "30000"),
            ("application_name", "zoetrope"),
            ("client_encoding", "UTF8"),
            ("dbname", url),
        ]
        let handle = withCStrings(parameters.map(\.0)) { keywords in
            withCStrings(parameters.map(\.1)) { values in PQconnectdbParams(keywords, values, 1) }
        }
        guard let handle else { throw .unavailable("out of memory") }
        // The default prints to standard error.
        PQsetNoticeReceiver(handle, { _, _ in }, nil)
        guard PQstatus(handle) == CONNECTION_OK else {
            let text = withoutPassword(String(cString: PQerrorMessage(handle)))
            PQfinish(handle)
            throw .unavailable(text)
        }
        return handle
    }

    /// libpq's messages hold no passwords; this makes sure of it.
    func withoutPassword(_ text: String) -> String {
        let line = text.split(whereSeparator: \.isNewline).joined(separator: "; ")
        guard let password, !password.isEmpty else { return line }
        return line.replacing(password, with: "***")
    }

    private static func value(_ keyword: String, in options: UnsafeMutablePointer<PQconninfoOption>) -> String? {
        var option = options
        while let name = option.pointee.keyword {
            if String(cString: name) == keyword { return option.pointee.val.map { String(cString: $0) } }
            option += 1
        }
        return nil
    }
}

extension Duration {
    /// Rounded down.
    var milliseconds: Int {
        Int(components.seconds) * 1_000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }
}

/// Lends an array of C strings with a null pointer at its end; nil stays null.
func withCStrings<Result>(
    _ strings: [String?],
    _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
    var bytes: [UInt8] = []
    var offsets: [Int?] = []
    for string in strings {
        guard let string else {
            offsets.append(nil)
            continue
        }
        offsets.append(bytes.count)
        bytes.append(contentsOf: string.utf8)
        bytes.append(0)
    }
    bytes.append(0)
    return bytes.withUnsafeBytes { buffer in
        let base = buffer.assumingMemoryBound(to: CChar.self).baseAddress
        let pointers = offsets.map { offset in offset.flatMap { base?.advanced(by: $0) } } + [nil]
        return pointers.withUnsafeBufferPointer { list in
            // An array that is not empty has an address.
            withUnsafePointer(to: nil as UnsafePointer<CChar>?) { body(list.baseAddress ?? $0) }
        }
    }
}
