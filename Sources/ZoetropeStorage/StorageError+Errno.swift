import Glibc
import SystemPackage
import ZoetropeWorkflow

extension StorageError {
    /// What a file system's refusal means for the store; `what` was to be done.
    init(_ error: Errno, _ what: String) {
        let code: Code =
            switch error {
            case .noSpace, .diskQuotaExceeded: .full
            case .noSuchFileOrDirectory: .missing
            case .permissionDenied, .notPermitted, .readOnlyFileSystem, .tooManySymbolicLinkLevels, .notDirectory,
                .isDirectory, .fileNameTooLong, .fileExists:
                .denied
            default: .unavailable
            }
        self.init(code, "\(what): \(error)")
    }
}

extension Errno {
    /// The error of the call that has just failed.
    static var last: Errno { Errno(rawValue: errno) }

    /// No object can be at such a path, whatever a put would say to it.
    var meansNothingThere: Bool {
        [.noSuchFileOrDirectory, .notDirectory, .isDirectory, .fileNameTooLong].contains(self)
    }
}
