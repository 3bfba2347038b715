import Dispatch
import Glibc
import Synchronization
import SystemPackage
import ZoetropeCore

/// Renders frames on all cores and writes them into a pipe, in order, as fast as the reader takes them.
final class FramePump: Sendable {
    private let renderer: FrameRenderer
    private let isStopped = Atomic(false)
    private let threads: Int

    /// Renders `threads` parts of a frame at a time.
    init(renderer: FrameRenderer, threads: Int) {
        self.renderer = renderer
        self.threads = threads
    }

    /// Makes ``run(into:onFrame:)`` end after the frame in hand.
    func stop() { isStopped.store(true, ordering: .relaxed) }

    /// Writes every frame of the clip.
    ///
    /// Blocks a thread of its own, none of the cooperative pool.
    /// The pipe is closed in any case. `onFrame` is called on that thread with the number of frames that are done.
    /// Returns the number of frames written: fewer than all when the reader went away or after ``stop()``.
    func run(into pipe: FileDescriptor, onFrame: @escaping @Sendable (Int) -> Void) async throws -> Int {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue(label: "zoetrope.frames")
                .async { [self] in
                    defer { try? pipe.close() }
                    continuation.resume(with: Result { try pump(into: pipe, onFrame: onFrame) })
                }
        }
    }

    private func pump(into pipe: FileDescriptor, onFrame: (Int) -> Void) throws -> Int {
        // A reader that goes away shows as an error of `write`, not as the death of the process.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)

        let frame = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: renderer.size.bytesOfPlanarPicture)
        defer { frame.deallocate() }
        for number in 0..<renderer.path.frameCount {
            guard !isStopped.load(ordering: .relaxed) else { return number }
            render(number, into: frame)
            do {
                _ = try pipe.writeAll(UnsafeRawBufferPointer(frame))
            } catch Errno.brokenPipe {
                return number
            }
            onFrame(number + 1)
        }
        return renderer.path.frameCount
    }

    private func render(_ number: Int, into frame: UnsafeMutableBufferPointer<UInt8>) {
        // Each part writes rows of its own.
        nonisolated(unsafe) let frame = frame
        let rows = renderer.rowsOfMacroblocks
        DispatchQueue.concurrentPerform(iterations: threads) { [renderer, threads] part in
            let part = rows * part / threads..<rows * (part + 1) / threads
            renderer.render(frame: number, macroblockRows: part, into: frame)
        }
    }
}
