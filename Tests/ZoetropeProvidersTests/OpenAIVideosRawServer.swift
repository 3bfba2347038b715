import Foundation
import Glibc
import Synchronization

/// A server that sends the bytes that it is told to, whatever they say of themselves.
final class RawServer: Sendable {
    struct Failure: Error {}

    /// What one connection gets after its request.
    enum Script: Sendable {
        case bytes(String)
        /// Bytes, and then the same piece again and again until the client has gone.
        case endless(String, piece: String)
        /// Bytes, and then nothing until the client has gone.
        case silence(String)
        /// Nothing at all: the connection is closed in the middle of the request.
        case hangUp
    }

    private let descriptor: Int32
    private let connections = Atomic(0)
    let port: Int

    /// Connections so far that sent something.
    var requests: Int { connections.load(ordering: .sequentiallyConsistent) }

    var address: String { "http://127.0.0.1:\(port)" }

    /// Serves the scripts in turn, the last one for ever.
    init(_ scripts: Script...) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
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
                    guard Self.readRequest(connection, scripts) else { return }
                    guard let number = self?.connections.add(1, ordering: .sequentiallyConsistent).oldValue else {
                        return
                    }
                    Self.play(scripts[min(number, scripts.count - 1)], on: connection)
                }
            }
        }
    }

    deinit { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Reads a request up to the end of its announced body; false when nothing came.
    private static func readRequest(_ connection: Int32, _ scripts: [Script]) -> Bool {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return !bytes.isEmpty }
            bytes += buffer[..<count]
            guard let end = Data(bytes).range(of: Data("\r\n\r\n".utf8)) else { continue }
            if case .hangUp = scripts[0] { return true }
            let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).lowercased()
            let length = head.firstMatch(of: /content-length: (\d+)/).flatMap { Int($0.1) } ?? 0
            if bytes.count >= end.upperBound + length { return true }
        }
    }

    private static func play(_ script: Script, on connection: Int32) {
        func write(_ text: String) -> Bool {
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes {
                    send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return false }
                rest = rest.dropFirst(count)
            }
            return true
        }
        var byte: UInt8 = 0
        switch script {
        case .hangUp: break
        case .bytes(let text): _ = write(text)
        case .endless(let head, let piece):
            guard write(head) else { return }
            while write(piece) {}
        case .silence(let head):
            guard write(head) else { return }
            _ = recv(connection, &byte, 1, 0)
        }
    }
}
