import Foundation
import Glibc
import Synchronization

/// An HTTP server on loopback that answers as a closure says, also against all rules; one request a connection.
final class S3ScriptedServer: Sendable {
    struct Failure: Error {}

    struct Request: Sendable {
        let method: String
        let path: String
        /// As it was sent.
        let query: String
        /// By lower-case names.
        let headers: [String: String]
        let body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
    }

    enum Reply: Sendable {
        /// A whole answer.
        case answer(Int, [(String, String)], String)
        /// An answer that announces more bytes than come.
        case broken(Int, [(String, String)], String, announced: Int)
        /// The head of an answer, and then nothing until the client has gone.
        case silence
        /// The connection is closed without a word.
        case hangUp

        static func ok(_ body: String = "", _ headers: [(String, String)] = []) -> Reply {
            .answer(200, headers, body)
        }

        static func error(_ status: Int, _ code: String = "", _ headers: [(String, String)] = []) -> Reply {
            let body = code.isEmpty ? "" : "<Error><Code>\(code)</Code><RequestId>r1</RequestId></Error>"
            return .answer(status, headers, body)
        }
    }

    private let descriptor: Int32
    private let seen = Mutex<[Request]>([])
    let port: Int

    /// In the order in which they came.
    var requests: [Request] { seen.withLock(\.self) }

    var address: String { "http://127.0.0.1:\(port)" }

    /// Answers each request by what it is and how many came before.
    init(_ reply: @escaping @Sendable (_ request: Request, _ number: Int) -> Reply) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        descriptor = listener
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, length) == 0 && listen(listener, 64) == 0
                    && getsockname(listener, pointer, &length) == 0
            }
        }
        guard isBound else { throw Failure() }
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [weak self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else {
                    // Here and not before, or another server could get its number while this loop still uses it.
                    close(listener)
                    return
                }
                Thread.detachNewThread { [weak self] in
                    defer { close(connection) }
                    guard let request = Self.read(connection), let self else { return }
                    let number = self.seen.withLock { seen in
                        seen.append(request)
                        return seen.count - 1
                    }
                    Self.send(reply(request, number), to: request, on: connection)
                }
            }
        }
    }

    deinit { shutdown(descriptor, Int32(SHUT_RDWR)) }

    private static func read(_ connection: Int32) -> Request? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var bodyStart: Int?
        var length = 0
        var head: [String] = []
        while true {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            bytes += buffer[..<count]
            if bodyStart == nil, let end = Data(bytes).firstRange(of: Data("\r\n\r\n".utf8)) {
                bodyStart = end.upperBound
                head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
                length =
                    head.first { $0.lowercased().hasPrefix("content-length:") }
                    .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0
            }
            if let bodyStart, bytes.count >= bodyStart + length {
                let line = head[0].split(separator: " ").map(String.init)
                let target = line[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
                var headers: [String: String] = [:]
                for field in head.dropFirst() {
                    let parts = field.split(separator: ":", maxSplits: 1)
                    guard parts.count == 2 else { continue }
                    headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
                }
                return Request(
                    method: line[0],
                    path: String(target[0]),
                    query: target.count > 1 ? String(target[1]) : "",
                    headers: headers,
                    body: Array(bytes[bodyStart...])
                )
            }
        }
    }

    private static func send(_ reply: Reply, to request: Request, on connection: Int32) {
        switch reply {
        case .hangUp: return
        case .silence:
            write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\netag: \"t\"\r\n\r\n", on: connection)
            var byte: UInt8 = 0
            while recv(connection, &byte, 1, 0) > 0 {}
        case .answer(let status, let headers, let body):
            let hasLength = headers.contains { $0.0 == "content-length" }
            let length = hasLength ? [] : [("content-length", String(body.utf8.count))]
            write(head(status, headers + length) + (request.method == "HEAD" ? "" : body), on: connection)
        case .broken(let status, let headers, let body, let announced):
            write(head(status, headers + [("content-length", String(announced))]) + body, on: connection)
        }
        shutdown(connection, Int32(SHUT_WR))
    }

    private static func head(_ status: Int, _ headers: [(String, String)]) -> String {
        let lines = (headers + [("connection", "close")]).map { "\($0.0): \($0.1)\r\n" }
        return "HTTP/1.1 \(status) X\r\n\(lines.joined())\r\n"
    }

    private static func write(_ text: String, on connection: Int32) {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...]
                .withUnsafeBytes { Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            sent += count
        }
    }
}
