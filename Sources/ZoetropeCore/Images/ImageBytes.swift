/// The bytes of an image file, wherever they lie: in an array or in a file that was mapped.
///
/// Memory that nobody writes to, given back with the last reference. No pointer to it leaves a call, and every access
/// is checked.
package final class ImageBytes: @unchecked Sendable {
    // Safe to share: the memory is not written to from the initialiser to the deinitialiser, and all else is constant.
    private let memory: UnsafeRawBufferPointer
    private let release: @Sendable (UnsafeRawBufferPointer) -> Void

    /// Takes over memory that stays as it is until `release` gets it.
    package init(_ memory: UnsafeRawBufferPointer, release: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) {
        self.memory = memory
        self.release = release
    }

    package convenience init(_ bytes: [UInt8]) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        copy.copyBytes(from: bytes)
        self.init(UnsafeRawBufferPointer(copy)) { $0.deallocate() }
    }

    deinit { release(memory) }

    package var count: Int { memory.count }

    /// Traps beyond the end, in every build.
    subscript(index: Int) -> UInt8 {
        precondition(index >= 0 && index < memory.count, "byte \(index) of \(memory.count)")
        return memory[index]
    }

    /// Lends some of the bytes, for a loop over them; traps when there are not so many.
    func withSpan<Result>(_ range: Range<Int>, _ body: (Span<UInt8>) throws -> Result) rethrows -> Result {
        precondition(range.lowerBound >= 0 && range.upperBound <= memory.count, "bytes \(range) of \(memory.count)")
        return try body(UnsafeRawBufferPointer(rebasing: memory[range]).assumingMemoryBound(to: UInt8.self).span)
    }
}
