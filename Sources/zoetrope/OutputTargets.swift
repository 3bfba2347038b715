import Glibc
import SystemPackage

/// The files that `animate` writes, checked before any work is done.
struct OutputTargets {
    let video: FilePath
    let poster: FilePath?
    /// Whether the user has named the video, and with it one that exists.
    let mayReplace: Bool

    /// The folder of the video, where the work is done so that a rename can publish it.
    var folder: FilePath { Self.folder(of: video) }

    /// - Throws: ``CommandFailure``: a name that cannot be, a folder that is not there, a file that must not be replaced.
    init(image: String, video: String?, poster: String?) throws {
        mayReplace = video != nil
        if let video {
            self.video = FilePath(video)
        } else {
            let stem = FilePath(image).stem ?? "video"
            self.video = FilePath("\(stem).mp4")
            guard Self.status(self.video) == nil else {
                throw CommandFailure.usage(
                    "\"\(self.video)\" exists already; name the video with -o, which may replace it"
                )
            }
        }
        self.poster = poster.map { FilePath($0) }
        try Self.check(self.video, option: "-o", extensions: ["mp4"], image: image)
        if let poster = self.poster {
            try Self.check(poster, option: "--poster", extensions: ["jpg", "jpeg"], image: image)
        }
    }

    private static func check(_ path: FilePath, option: String, extensions: [String], image: String) throws {
        guard let name = path.lastComponent, let ending = name.extension, extensions.contains(ending.lowercased())
        else {
            throw CommandFailure.usage("\(option) \"\(path)\" must end in .\(extensions[0])")
        }
        let folder = folder(of: path)
        guard let folderStatus = status(folder) else {
            throw CommandFailure.usage("\(option) \"\(path)\": the folder \"\(folder)\" does not exist")
        }
        guard folderStatus.st_mode & S_IFMT == S_IFDIR else {
            throw CommandFailure.usage("\(option) \"\(path)\": \"\(folder)\" is not a folder")
        }
        guard let existing = status(path) else { return }
        guard existing.st_mode & S_IFMT == S_IFREG else {
            throw CommandFailure.usage("\(option) \"\(path)\" exists and is not a plain file")
        }
        if let source = status(FilePath(image)), source.st_ino == existing.st_ino, source.st_dev == existing.st_dev {
            throw CommandFailure.usage("\(option) \"\(path)\" is the image itself; choose another name")
        }
    }

    /// Puts finished files in their places, each at once and on disk before it has its name.
    ///
    /// - Parameters:
    ///   - file: The video, in the folder of the target; it is moved.
    ///   - posterFile: Its poster, anywhere.
    /// - Throws: ``CommandFailure`` when one of them cannot be written.
    func publish(_ file: FilePath, poster posterFile: FilePath) throws {
        do {
            // The poster first: whoever sees the video finds its poster.
            if let poster {
                let bytes = try SourceFile.read(posterFile.string, limit: 16 << 20)
                let partial = Self.folder(of: poster).appending(".zoetrope-\(UInt64.random(in: 0...UInt64.max)).jpg")
                let file = try FileDescriptor.open(
                    partial,
                    .writeOnly,
                    options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
                    permissions: Self.permissions
                )
                defer { unlink(partial.string) }
                try file.closeAfter {
                    _ = try file.writeAll(bytes)
                    try Self.flush(file)
                }
                try Self.rename(partial, to: poster)
            }
            let descriptor = try FileDescriptor.open(file, .readOnly, options: .closeOnExec)
            try descriptor.closeAfter { try Self.flush(descriptor) }
            chmod(file.string, Self.permissions.rawValue & ~Self.mask)
            if mayReplace {
                try Self.rename(file, to: video)
            } else {
                // Somebody may have made one of this name meanwhile.
                guard link(file.string, video.string) == 0 else { throw Errno(rawValue: errno) }
                try Self.flush(folder: Self.folder(of: video))
            }
        } catch let error as Errno {
            throw CommandFailure.failed("\"\(video)\" cannot be written: \(error)")
        }
    }

    private static let permissions: FilePermissions = [.ownerReadWrite, .groupRead, .otherRead]

    /// The bits that the user's umask takes away.
    private static var mask: mode_t {
        let mask = umask(0)
        umask(mask)
        return mask
    }

    private static func flush(_ file: FileDescriptor) throws {
        guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
    }

    private static func rename(_ from: FilePath, to: FilePath) throws {
        guard Glibc.rename(from.string, to.string) == 0 else { throw Errno(rawValue: errno) }
        try flush(folder: folder(of: to))
    }

    /// The new name itself must survive a power cut, too.
    private static func flush(folder: FilePath) throws {
        let folder = try FileDescriptor.open(folder, .readOnly, options: [.directory, .closeOnExec])
        try folder.closeAfter { try flush(folder) }
    }

    private static func folder(of path: FilePath) -> FilePath {
        let folder = path.removingLastComponent()
        return folder.isEmpty ? "." : folder
    }

    private static func status(_ path: FilePath) -> stat? {
        var status = stat()
        return stat(path.string, &status) == 0 ? status : nil
    }
}
