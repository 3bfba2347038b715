import Glibc

/// Secrets kept in a file: one in each line, as base64url without padding.
///
/// The first is for signing, all are for verifying. To replace a secret, put a new line before it; remove the old line when nothing that it
/// signed is still good.
package enum SecretFile {
    /// Far more than 16 secrets.
    private static let maxBytes = 64 * 1_024
    private static let maxSecrets = 16

    /// Reads the secrets of a file; where there is none, makes it with one new secret of `byteCount` bytes, readable by its owner only.
    ///
    /// Several processes that do so at once end with the same secret. Folders on the way are made.
    ///
    /// - Parameters:
    ///   - path: where the file is.
    ///   - byteCount: length of a new secret, and the least length of each one in the file.
    /// - Returns: 1 to 16 secrets.
    /// - Throws: ``SecretError`` that names the path and the remedy.
    package static func loadOrMake(path: String, byteCount: Int = 32) throws(SecretError) -> [[UInt8]] {
        if let secrets = try load(path, byteCount: byteCount) { return secrets }
        try make(path, byteCount: byteCount)
        guard let secrets = try load(path, byteCount: byteCount) else {
            throw SecretError("the secret file \"\(path)\" was removed while it was being made; start again")
        }
        return secrets
    }

    /// Whether others than the owner may read or change the file; `false` where there is none.
    package static func isOpenToOthers(path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & 0o077 != 0
    }

    private static func load(_ path: String, byteCount: Int) throws(SecretError) -> [[UInt8]]? {
        // A pipe would let us wait for its other end.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("read", path)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= maxBytes else {
            throw SecretError("the secret file \"\(path)\" must be a file of at most \(maxBytes) bytes")
        }
        var bytes = [UInt8](repeating: 0, count: maxBytes)
        let count = read(descriptor, &bytes, maxBytes)
        guard count >= 0 else { throw failure("read", path) }

        var secrets: [[UInt8]] = []
        let lines = bytes[..<count].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let text = line.filter { $0 != UInt8(ascii: "\r") }
            if text.isEmpty { continue }
            guard let secret = Base64URL.decode(text), secret.count >= byteCount else {
                throw SecretError(
                    "line \(index + 1) of the secret file \"\(path)\" must be base64url, without padding, of at least \(byteCount) bytes"
                )
            }
            secrets.append(secret)
        }
        guard (1...maxSecrets).contains(secrets.count) else {
            throw SecretError(
                "the secret file \"\(path)\" must hold 1 to \(maxSecrets) secrets, a line each; got \(secrets.count)"
            )
        }
        return secrets
    }

    /// Writes a whole file under another name, then gives it its own, unless somebody was quicker.
    private static func make(_ path: String, byteCount: Int) throws(SecretError) {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        try makeFolders(folder, of: path)
        let draft = "\(path).\(Base64URL.encode(random(12)))"
        let line = Array("\(Base64URL.encode(random(byteCount)))\n".utf8)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("made", path) }
        defer { unlink(draft) }
        let isWritten = write(descriptor, line, line.count) == line.count && fsync(descriptor) == 0
        let reason = errno
        close(descriptor)
        guard isWritten else { throw failure("made", path, reason) }
        guard link(draft, path) == 0 || errno == EEXIST else { throw failure("made", path) }
        // The name must survive a power cut as well as the bytes.
        let folderDescriptor = open(folder.isEmpty ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folderDescriptor >= 0 else { throw failure("made", path) }
        defer { close(folderDescriptor) }
        guard fsync(folderDescriptor) == 0 else { throw failure("made", path) }
    }

    /// Makes "a/", then "a/b/", and so on, where they are missing.
    private static func makeFolders(_ folder: String, of path: String) throws(SecretError) {
        for end in folder.indices where folder[end] == "/" {
            guard mkdir(String(folder[...end]), 0o700) == 0 || errno == EEXIST else { throw failure("made", path) }
        }
    }

    private static func random(_ count: Int) -> [UInt8] {
        // The system's generator, made for keys.
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in generator.next() }
    }

    private static func failure(_ verb: String, _ path: String, _ number: Int32 = errno) -> SecretError {
        SecretError("the secret file \"\(path)\" cannot be \(verb): \(String(cString: strerror(number)))")
    }
}
