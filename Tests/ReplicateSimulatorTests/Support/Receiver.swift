import Foundation
import Glibc
import ReplicateSimulator
import Synchronization

/// A receiver of webhooks on a bare socket, that answers what a test wants.
final class Receiver: Sendable {
    /// One delivery as it came.
    struct Delivery: Sendable {
        let path: String
        let headers: [Header]
        let body: [UInt8]

        var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
        var status: String { json["status"]?.string ?? "" }
    }

    let port: UInt16
    private let socket: Int32
    private let state: Mutex<(deliveries: [Delivery], answers: [Int], location: String?)>

    /// Listens on a free port.
    ///
    /// The first deliveries get these statuses, 0 hangs up; later ones get 200. Redirects lead to `location`.
    init(answers: [Int] = [], location: String? = nil) throws {
        state = Mutex(([], answers, location))
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let socket = socket
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, size) == 0 && listen(socket, 128) == 0 && getsockname(socket, $0, &size) == 0
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        guard isListening else { throw SimulatorError("no receiver: \(errno)") }
        Thread.detachNewThread { [weak self] in
            while true {
                let client = accept(socket, nil, nil)
                guard client >= 0 else { return }
                self?.serve(client)
                close(client)
            }
        }
    }

    deinit {
        shutdown(socket, Int32(SHUT_RDWR))
        close(socket)
    }

    var url: String { "http://127.0.0.1:\(port)/hook" }
    var deliveries: [Delivery] { state.withLock { $0.deliveries } }

    private func serve(_ client: Int32) {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let mark: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        while true {
            if let end = bytes.indices.first(where: { bytes[$0...].starts(with: mark) }) {
                let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
                let headers = lines.dropFirst()
                    .compactMap { line in
                        line.firstIndex(of: ":")
                            .map {
                                Header(String(line[..<$0]), String(line[line.index(after: $0)...].drop { $0 == " " }))
                            }
                    }
                let length = headers["content-length"].flatMap { Int($0) } ?? 0
                if bytes.count >= end + 4 + length {
                    let path = lines[0].split(separator: " ")[1]
                    let delivery = Delivery(
                        path: String(path),
                        headers: headers,
                        body: Array(bytes[(end + 4)..<(end + 4 + length)])
                    )
                    reply(client, delivery)
                    return
                }
            }
            let count = recv(client, &chunk, chunk.count, 0)
            guard count > 0 else { return }
            bytes += chunk[..<count]
        }
    }

    private func reply(_ client: Int32, _ delivery: Delivery) {
        let (status, location) = state.withLock { state in
            state.deliveries.append(delivery)
            return (state.answers.isEmpty ? 200 : state.answers.removeFirst(), state.location)
        }
        guard status != 0 else { return }
        let extra = location.map { "Location: \($0)\r\n" } ?? ""
        let answer = Array("HTTP/1.1 \(status) X\r\nContent-Length: 0\r\nConnection: close\r\n\(extra)\r\n".utf8)
        _ = answer.withUnsafeBytes { send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }
}
