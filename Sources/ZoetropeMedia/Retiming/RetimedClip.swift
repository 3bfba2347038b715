#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A retimed video: which frames it shows, and the bytes of its file.
package struct RetimedClip: Sendable {
    /// For each frame of the result the frame of the source, both by the order on the screen from 0 on.
    package let shownFrames: [Int]
    /// The largest distance of a frame from its time, in frames of the result.
    package let worstError: Double
    /// In pixels.
    package let width: Int
    package let height: Int
    let pieces: [VideoStream.Piece]

    /// Of the file.
    package var byteCount: Int { pieces.reduce(0) { $0 + $1.count } }

    /// The file; `source` is what was planned for.
    package func bytes(of source: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        for piece in pieces {
            switch piece {
            case .copy(let range): bytes += source[range]
            case .bytes(let made): bytes += made
            }
        }
        return bytes
    }

    /// Reads a file, plans its edit, and writes the result beside it.
    ///
    /// - Parameters:
    ///   - input: Path of the source.
    ///   - output: Path of the result; a file that is there is overwritten.
    ///   - wish: What it is to become.
    /// - Returns: What was written.
    /// - Throws: ``RetimingRefusal``.
    package static func make(
        from input: String,
        to output: String,
        _ wish: Retiming.Wish
    ) throws(RetimingRefusal) -> RetimedClip {
        let source: [UInt8]
        do throws(MP4Error) {
            let file = try FileByteSource(path: input)
            guard file.byteCount <= RetimingSource.maxBytes else {
                throw MP4Error(.tooLarge, "\(file.byteCount) bytes, at most \(RetimingSource.maxBytes)")
            }
            source = try file.bytes(at: 0, count: file.byteCount)
        } catch {
            throw RetimingRefusal(error.code == .tooLarge ? .tooLarge : .unreadable, error.message)
        }
        let clip = try Retiming.plan(source, wish)
        let descriptor = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw RetimingRefusal(.unreadable, "the result cannot be made (error \(errno))")
        }
        let isWritten = clip.pieces.allSatisfy { piece in
            switch piece {
            case .copy(let range): source[range].withUnsafeBytes { writeAll($0, descriptor) }
            case .bytes(let made): made.withUnsafeBytes { writeAll($0, descriptor) }
            }
        }
        let error = errno
        guard close(descriptor) == 0, isWritten else {
            unlink(output)
            throw RetimingRefusal(.unreadable, "the result cannot be written (error \(error))")
        }
        return clip
    }

    private static func writeAll(_ bytes: UnsafeRawBufferPointer, _ descriptor: CInt) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = write(
                descriptor,
                UnsafeRawBufferPointer(rebasing: rest).baseAddress,
                rest.count
            )
            if written > 0 {
                rest = rest.dropFirst(written)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }
}
