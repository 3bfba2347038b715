import Foundation
import SystemPackage
import ZoetropeCore
import ZoetropeWorkflow

extension MediaFailure {
    /// Runs media work and turns whatever it throws into a failure of the run.
    static func catching<Result: Sendable>(_ body: () async throws -> Result) async throws(MediaFailure) -> Result {
        do {
            return try await body()
        } catch {
            throw MediaFailure(error)
        }
    }

    private init(_ error: any Error) {
        switch error {
        case let failure as MediaFailure:
            self = failure
        case let error as MediaError:
            self.init(error)
        case let error as ImageError:
            self.init(.sourceUnreadable, error.message, isRetryable: false)
        case is CancellationError:
            self.init(.internal, "the work was interrupted", isRetryable: true)
        case is Errno, is CocoaError:
            // Only our own files are read and written outside of the tools.
            self.init(.storageUnavailable, "\(error)", isRetryable: true)
        default:
            self.init(.internal, "\(error)", isRetryable: true)
        }
    }

    private init(_ error: MediaError) {
        let code: FailureCode =
            switch error.code {
            case .sourceUnreadable: .sourceUnreadable
            case .toolMissing, .toolFailed, .toolTimedOut: .internal
            case .outputInvalid: .outputInvalid
            case .storageUnavailable: .storageUnavailable
            }
        let detail = error.detail.isEmpty ? error.message : "\(error.message); \(error.detail)"
        self.init(code, detail, isRetryable: error.isRetryable)
    }
}
