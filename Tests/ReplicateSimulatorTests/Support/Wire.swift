import Foundation
import Glibc
import ReplicateSimulator

/// A client on a bare socket: what it gets is exactly what went over the wire.
enum Wire {
    /// What came back on a connection until it was closed or the answer was whole.
    struct Answer: Sendable {
        /// 0 when no whole head came.
        var status = 0
        var headers: [Header] = []
        var body: [UInt8] = []
        /// The answer was whole.
        var isWhole = false
        /// The connection ended with a RST.
        var wasReset = false

        var text: String { String(decoding: body, as: UTF8.self) }
        var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }

        func header(_ name: String) -> String? { headers[name] }
    }

    /// Sends one request on a connection of its own and reads until the connection ends.
    static func send(
        _ url: String,
        method: String = "GET",
        _ path: String,
        headers: [(String, String)] = [],
        body: [UInt8]? = nil,
        cutRequestAt: Int? = nil
    ) async throws -> Answer {
        let host = url.split(separator: "/").last.map(String.init) ?? url
        var head = "\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if let body { head += "Content-Length: \(body.count)\r\n" }
        var bytes = Array("\(head)\r\n".utf8) + (body ?? [])
        if let cutRequestAt { bytes = Array(bytes.prefix(cutRequestAt)) }
        return try await exchange(host: host, bytes, isHead: method == "HEAD", leavesEarly: cutRequestAt != nil)
    }

    /// Sends bytes and reads what comes.
    static func exchange(
        host: String,
        _ bytes: [UInt8],
        isHead: Bool = false,
        leavesEarly: Bool = false
    ) async throws -> Answer {
        let port = UInt16(host.split(separator: ":").last ?? "") ?? 0
        return try await withCheckedThrowingContinuation { continuation in
            // A thread of its own: blocked threads of a shared pool would hold the simulator up.
            Thread.detachNewThread {
                continuation.resume(with: Result { try talk(port, bytes, isHead: isHead, leavesEarly: leavesEarly) })
            }
        }
    }

    private static func talk(_ port: UInt16, _ bytes: [UInt8], isHead: Bool, leavesEarly: Bool) throws -> Answer {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw SimulatorError("connect to \(port): \(errno)") }

        var answer = Answer()
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...]
                .withUnsafeBytes {
                    Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
            // The server may cut while the request is still on its way.
            guard count > 0 else { break }
            sent += count
        }
        if leavesEarly { return answer }
        var received: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(socket, &chunk, chunk.count, 0)
            if count < 0 { answer.wasReset = errno == ECONNRESET }
            guard count > 0, received.count < 64 << 20 else { break }
            received += chunk[..<count]
        }
        answer.read(received, isHead: isHead)
        return answer
    }
}

extension Wire.Answer {
    fileprivate mutating func read(_ bytes: [UInt8], isHead: Bool) {
        var rest = bytes[...]
        guard let end = Self.headEnd(rest) else { return }
        let lines = String(decoding: rest[..<end], as: UTF8.self).split(separator: "\r\n")
        status = lines.first.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
        headers = lines.dropFirst()
            .compactMap { line in
                line.firstIndex(of: ":")
                    .map { Header(String(line[..<$0]), String(line[line.index(after: $0)...].drop { $0 == " " })) }
            }
        rest = rest[(end + 4)...]
        if let length = headers["content-length"].flatMap({ Int($0) }) {
            body = Array(rest.prefix(length))
            isWhole = isHead || body.count == length
        } else if headers["transfer-encoding"] == "chunked" {
            while let lineEnd = rest.firstIndex(of: 0x0D),
                let size = Int(String(decoding: rest[..<lineEnd], as: UTF8.self), radix: 16)
            {
                rest = rest[(lineEnd + 2)...]
                if size == 0 { isWhole = true }
                guard size > 0, rest.count >= size + 2 else { break }
                body += rest.prefix(size)
                rest = rest.dropFirst(size + 2)
            }
        } else {
            body = Array(rest)
            isWhole = status == 204 || status == 304
        }
    }

    private static func headEnd(_ bytes: ArraySlice<UInt8>) -> Int? {
        let mark: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        return bytes.indices.first { bytes[$0...].starts(with: mark) }
    }
}

/// Returns when something has become true; the suite's time limit ends the wait.
func eventually(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { try await Task.sleep(for: .milliseconds(2)) }
}
