import Foundation
import ZoetropeCore
import ZoetropeWorkflow

/// Media work of which only the files are left.
struct TwoFiles: MediaPipeline {
    /// All zeros; nothing of them is held in memory.
    var videoBytes: Int64 = 2_048

    func makeInput(from source: String, _ image: SourceImage, to path: String) async throws(MediaFailure) {
        throw MediaFailure(.internal, "nothing is uploaded in a race", isRetryable: false)
    }

    func publishable(
        from parts: [String],
        in folder: String,
        order: PublishOrder
    ) async throws(MediaFailure) -> PublishableVideo {
        let files = ["\(folder)/video.mp4", "\(folder)/poster.jpg"]
        do {
            for (file, byteCount) in zip(files, [videoBytes, 2_048]) {
                try Data().write(to: URL(filePath: file))
                guard truncate(file, off_t(byteCount)) == 0 else {
                    throw MediaFailure(.storageUnavailable, "errno \(errno)", isRetryable: true)
                }
            }
        } catch let failure as MediaFailure {
            throw failure
        } catch {
            throw MediaFailure(.storageUnavailable, "\(error)", isRetryable: true)
        }
        return PublishableVideo(
            video: files[0],
            poster: files[1],
            size: FrameSize(width: 1_280, height: 720),
            seconds: order.seconds,
            framesPerSecond: 30
        )
    }

    /// A race has nothing to decode.
    func check(_ video: String, seconds: Int, allowsSound: Bool) async throws(MediaFailure) {}

    func lastFrame(of part: String, to path: String) async throws(MediaFailure) -> FrameSize {
        throw MediaFailure(.internal, "a race has clips of one part", isRetryable: false)
    }
}

/// An object store that takes everything and keeps nothing.
struct NoObjects: ObjectStore {
    func put(_ file: String, at key: ObjectKey, contentType: String) async throws(StorageError) -> PutOutcome {
        var facts = stat()
        guard stat(file, &facts) == 0 else { throw StorageError(.unavailable, "errno \(errno)") }
        return .stored(
            ObjectFacts(
                byteCount: Int64(facts.st_size),
                sha256: String(repeating: "0", count: 64),
                contentType: contentType
            )
        )
    }

    func facts(of key: ObjectKey) async throws(StorageError) -> ObjectFacts? { nil }

    func get(_ key: ObjectKey, to file: String) async throws(StorageError) -> ObjectFacts {
        throw StorageError(.missing, "\(key)")
    }

    func open(_ key: ObjectKey) async throws(StorageError) -> (any ObjectReader)? { nil }

    func delete(_ key: ObjectKey) async throws(StorageError) {}

    func list(prefix: String, after: ObjectKey?, limit: Int) async throws(StorageError) -> [StoredObject] { [] }

    func removeUnfinished(before: Date) async throws(StorageError) -> Int { 0 }
}
