import Dispatch
import Glibc
import Testing

/// A connection on which a test writes what it likes.
final class RawConnection: Sendable {
    private let socket: Int32
    /// Blocking calls must not take the few threads on which the server itself runs.
    private let queue = DispatchQueue(label: "raw connection")

    init(port: Int) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                connect(socket, pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(socket) }

    func write(_ text: String) async { await write(Array(text.utf8)) }

    func write(_ bytes: [UInt8]) async {
        await onQueue { socket in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }

    func finishWriting() { shutdown(socket, Int32(SHUT_WR)) }

    /// Reads until the text holds a word or the connection ends.
    func read(until word: String) async -> String {
        await onQueue { socket in
            var text: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4_096)
            while !String(decoding: text, as: UTF8.self).contains(word) {
                let count = recv(socket, &buffer, buffer.count, 0)
                guard count > 0 else { break }
                text += buffer[..<count]
            }
            return String(decoding: text, as: UTF8.self)
        }
    }

    /// Reads the head of an answer and nothing behind it.
    func readHead() async -> String {
        await onQueue { socket in
            var head: [UInt8] = []
            var byte: UInt8 = 0
            while !head.suffix(4).elementsEqual("\r\n\r\n".utf8), recv(socket, &byte, 1, 0) == 1 { head.append(byte) }
            return String(decoding: head, as: UTF8.self)
        }
    }

    /// Reads as many bytes, fewer when the connection ends.
    func read(count: Int) async -> [UInt8] {
        await onQueue { socket in
            var bytes = [UInt8](repeating: 0, count: count)
            var filled = 0
            while filled < count {
                let got = bytes.withUnsafeMutableBytes { buffer in
                    recv(socket, buffer.baseAddress?.advanced(by: filled), count - filled, 0)
                }
                guard got > 0 else { break }
                filled += got
            }
            return Array(bytes.prefix(filled))
        }
    }

    private func onQueue<Result: Sendable>(_ body: @escaping @Sendable (Int32) -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            queue.async { [self] in continuation.resume(returning: body(socket)) }
        }
    }
}
