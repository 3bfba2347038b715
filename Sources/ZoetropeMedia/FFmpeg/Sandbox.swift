import Glibc
package import SystemPackage

/// What a child process may use.
package struct ResourceLimits: Sendable, Equatable {
    /// Address space in bytes.
    package var addressSpace: Int
    /// Processor time in seconds, over all threads.
    package var cpuSeconds: Int
    /// The largest file that it may write, in bytes.
    package var fileSize: Int

    package init(addressSpace: Int, cpuSeconds: Int, fileSize: Int) {
        self.addressSpace = addressSpace
        self.cpuSeconds = cpuSeconds
        self.fileSize = fileSize
    }

    /// For a decoder of photos: 50 megapixels with four 16-bit channels are 400 MB, and a filter holds three of them.
    package static let photo = ResourceLimits(addressSpace: 3 << 30, cpuSeconds: 90, fileSize: 64 << 20)
    /// For clips of at most ten seconds: an encoder at 1080p needs about 0.5 GB and a minute; 256 MiB is ten times the
    /// largest file that the bit rate allows.
    package static let clip = ResourceLimits(addressSpace: 2 << 30, cpuSeconds: 300, fileSize: 256 << 20)
}

/// What surrounds a child process that works on bytes from strangers.
///
/// Either way it has a session of its own, an empty environment, a deadline and ``ResourceLimits``.
package enum Sandbox: Sendable, Equatable {
    /// Namespaces of its own: no network, no sight of other processes, a file system that is `/usr` and one folder.
    /// It dies when we do.
    case bubblewrap(FilePath)
    /// Nothing more.
    case limits

    /// How the child may use its folder of work.
    package enum FolderAccess: Sendable {
        case readOnly
        case readWrite
    }

    /// The whole command line of a child.
    ///
    /// `command` is a program (an absolute path) and its arguments, which name files relative to `folder`, the folder of
    /// work; nil if the child needs no files. `prlimit` is the program of util-linux that sets limits.
    package func wrap(
        _ command: [String],
        folder: FilePath?,
        access: FolderAccess,
        limits: ResourceLimits,
        prlimit: FilePath
    ) -> [String] {
        let limited =
            [
                prlimit.string, "--as=\(limits.addressSpace)", "--cpu=\(limits.cpuSeconds)",
                "--fsize=\(limits.fileSize)", "--core=0", "--",
            ] + command
        guard case .bubblewrap(let program) = self else { return limited }

        var words = [
            program.string, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
            "--ro-bind", "/usr", "/usr",
        ]
        for (path, target) in Self.rootLinks {
            words += target.map { ["--symlink", $0, path] } ?? ["--ro-bind-try", path, path]
        }
        // Debian's BLAS, which ffmpeg's filters link, is a chain of alternatives.
        for path in ["/etc/alternatives", "/etc/ld.so.cache"] {
            words += ["--ro-bind-try", path, path]
        }
        // A tool that stands outside /usr comes along by itself.
        for tool in [prlimit.string, command[0]] where !tool.hasPrefix("/usr/") {
            words += ["--ro-bind", tool, tool]
        }
        words += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
        if let folder {
            words += [access == .readWrite ? "--bind" : "--ro-bind", folder.string, "/work", "--chdir", "/work"]
        }
        return words + ["--"] + limited
    }

    /// The names at the root that hold programs and libraries, and where they lead: into `/usr` on current systems,
    /// nowhere (nil) where they are folders.
    private static let rootLinks: [(String, String?)] = ["/bin", "/sbin", "/lib", "/lib32", "/lib64"]
        .map { path in
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
                guard let start = buffer.baseAddress, case let count = readlink(path, start, buffer.count), count > 0
                else {
                    return (path, nil)
                }
                return (path, String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self))
            }
        }
}
