import Foundation
import StrictJSON

/// HTTP on a connection of its own for each call, with no more cleverness than an outsider's tool has.
enum StormHTTP {
    struct Answer: Sendable {
        let status: Int
        let body: [UInt8]

        var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
        var text: String { "\(status) \(String(decoding: body.prefix(300), as: UTF8.self))" }
    }

    /// Calls a server of this machine; nil when there was no whole answer within 20 seconds.
    static func call(
        _ method: String,
        port: Int,
        _ path: String,
        headers: [String] = [],
        body: [UInt8] = []
    ) async -> Answer? {
        let lines =
            ["\(method) \(path) HTTP/1.1", "Host: 127.0.0.1:\(port)", "Connection: close"] + headers
            + (method == "GET" ? [] : ["Content-Length: \(body.count)"])
        let request = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
        return await withCheckedContinuation { continuation in
            // Blocking calls stay off the cooperative pool.
            queue.addOperation { continuation.resume(returning: exchange(request, port)) }
        }
    }

    private static let queue: OperationQueue = {
        let queue = OperationQueue()
        queue.maxConcurrentOperationCount = 16
        return queue
    }()

    private static func exchange(_ request: [UInt8], _ port: Int) -> Answer? {
        let handle = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard handle >= 0 else { return nil }
        defer { close(handle) }
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(handle, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafeBytes(of: &address) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { pointer in
                connect(handle, pointer.baseAddress, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0, sendAll(request, handle) else { return nil }
        return answer(receiveAll(handle))
    }

    private static func sendAll(_ bytes: [UInt8], _ handle: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...]
                .withUnsafeBytes { send(handle, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    private static func receiveAll(_ handle: Int32) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(handle, &buffer, buffer.count, 0)
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
        }
    }

    /// Nil unless the body has the length that the head tells.
    private static func answer(_ bytes: [UInt8]) -> Answer? {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).lowercased()
        let body = Array(bytes[end.upperBound...])
        guard let status = head.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { return nil }
        let length = head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
            .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) }
        guard let length, length == body.count else { return nil }
        return Answer(status: status, body: body)
    }
}
