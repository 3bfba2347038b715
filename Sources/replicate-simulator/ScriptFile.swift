import ArgumentParser
import Glibc
import ReplicateSimulator

extension ReplicateSimulator.Configuration {
    /// Takes rules and switches from a file; everything that is wrong with it is said at once.
    mutating func apply(scriptFile path: String) throws {
        guard let bytes = Self.contents(of: path) else {
            throw ValidationError(
                "--script \"\(path)\" could not be read (at most 10 MB): \(String(cString: strerror(errno)))"
            )
        }
        do {
            let script = try Script(json: try JSONValue(parsing: bytes))
            rules += script.rules
            switches = script.applied(to: switches)
        } catch let error as JSONError {
            throw ValidationError("--script \"\(path)\" is not JSON: \(error.message), at byte \(error.offset)")
        } catch let error as ScriptError {
            throw ValidationError("--script \"\(path)\":\n  " + error.problems.joined(separator: "\n  "))
        }
    }

    private static let sizeLimit = 10 << 20

    private static func contents(of path: String) -> [UInt8]? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: sizeLimit + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0, count <= sizeLimit else { return nil }
        return Array(bytes.prefix(count))
    }
}
