package import SystemPackage
package import ZoetropeCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Writes the pictures and the sound of an MP4 file, as they are, into a new one with our mark of provenance.
///
/// The new file is `ftyp`, `moov`, the mark, `mdat`, in this order. Of the old one only the samples survive, and what our
/// reader understood of their tables, written anew: no metadata, no other track, no byte between the samples. Whatever is
/// unusual is refused, and the video is then encoded. That the result is the target's file is for ``MP4Conformance`` to
/// say: rates, sizes and colours are moved as they are.
package enum MP4Mover {
    /// What a new file is made of: the same plan for the same source, always.
    package struct Plan: Sendable, Equatable {
        /// All that stands before the samples.
        package let head: [UInt8]
        /// The samples, as parts of the source: sorted, apart from each other.
        package let media: [Range<Int>]

        /// Of the new file.
        package var byteCount: Int { head.count + media.reduce(0) { $0 + $1.count } }
    }

    /// Moves a video into a new file.
    ///
    /// Blocks for some milliseconds.
    /// - Parameters:
    ///   - source: A file of ours, with content of anyone's.
    ///   - target: The file to make. It must not exist, and does not when this throws.
    ///   - provenance: What the mark says.
    ///   - keepsSound: Whether a sound track is taken along, if there is one.
    /// - Throws: ``MP4MoveError``.
    package static func move(
        from source: FilePath,
        to target: FilePath,
        marking provenance: Provenance,
        keepsSound: Bool
    ) throws(MP4MoveError) {
        do {
            // Without «non-blocking», opening a pipe that lies in the file's place would wait for its writer for ever.
            let input = try FileDescriptor.open(source, .readOnly, options: [.closeOnExec, .nonBlocking])
            defer { try? input.close() }
            let plan = try plan(
                FileByteSource(descriptor: input.rawValue),
                marking: provenance,
                keepsSound: keepsSound
            )
            try make(target) { output in try write(plan, from: input, to: output) }
        } catch let error as MP4MoveError {
            throw error
        } catch let error as MP4Error {
            throw MP4MoveError(error)
        } catch {
            throw MP4MoveError(.storage, "the video cannot be copied: \(error)")
        }
    }

    /// Makes a file, of which nothing stays when `body` throws.
    private static func make(_ path: FilePath, _ body: (FileDescriptor) throws -> Void) throws {
        let output = try FileDescriptor.open(
            path,
            .writeOnly,
            options: [.create, .exclusiveCreate, .closeOnExec],
            permissions: [.ownerReadWrite, .groupRead, .otherRead]
        )
        do {
            try output.closeAfter { try body(output) }
        } catch {
            unlink(path.string)
            throw error
        }
    }

    /// Bytes that are copied at a time.
    private static let bufferBytes = 1 << 20

    private static func write(_ plan: Plan, from input: FileDescriptor, to output: FileDescriptor) throws {
        try output.writeAll(plan.head)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferBytes, alignment: 16)
        defer { buffer.deallocate() }
        for range in plan.media {
            var rest = range
            while !rest.isEmpty {
                let part = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(rest.count))
                let count = try input.read(fromAbsoluteOffset: Int64(rest.lowerBound), into: part)
                guard count > 0 else { throw MP4MoveError(.storage, "the video became shorter while it was copied") }
                try output.writeAll(part.prefix(count))
                rest = rest.dropFirst(count)
            }
        }
    }
}
