import Glibc
import SystemPackage

/// What people and scripts read: results on standard output, everything else on standard error.
enum Console {
    /// Writes one line of the result; a result that nobody can read is a failure.
    static func result(_ line: String) throws {
        do {
            _ = try FileDescriptor.standardOutput.writeAll(Array((line + "\n").utf8))
        } catch {
            throw CommandFailure.failed("standard output cannot be written to: \(error)")
        }
    }

    /// Writes one line to standard error.
    static func error(_ line: String) { write(line + "\n") }

    /// Writes text to standard error as it is.
    static func write(_ text: String) {
        _ = try? FileDescriptor.standardError.writeAll(Array(text.utf8))
    }

    /// Whether a person is looking at standard error.
    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 && getenv("TERM").map { String(cString: $0) } != "dumb" }

    /// Columns of the terminal; 80 where nobody knows.
    static var width: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
