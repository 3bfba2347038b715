import Glibc
import SystemPackage

/// A folder that is open.
///
/// What is in it is reached through the open folder and never through a path, and no link is followed: nobody can swap
/// a part of the way for a link to somewhere else.
final class Folder: Sendable {
    private let descriptor: CInt

    private static let mode: mode_t = 0o750

    /// Opens a folder by its path and makes what is missing of it.
    ///
    /// Here links are followed: the path is the operator's.
    init(making path: FilePath) throws(Errno) {
        try Self.make(path)
        descriptor = open(path.string, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .last }
    }

    private static func make(_ path: FilePath) throws(Errno) {
        var status = stat()
        guard !path.isEmpty, stat(path.string, &status) != 0 else { return }
        try make(path.removingLastComponent())
        guard mkdir(path.string, mode) == 0 || errno == EEXIST else { throw .last }
    }

    private init(_ name: String, in folder: CInt) throws(Errno) {
        descriptor = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw .last }
    }

    deinit { close(descriptor) }

    /// The folders on a way from here, this one first.
    ///
    /// `making` makes those that are not there yet.
    func way(_ names: some Sequence<String>, making: Bool = false) throws(Errno) -> [Folder] {
        var way = [self]
        var last = self
        for name in names {
            if making, mkdirat(last.descriptor, name, Self.mode) != 0, errno != EEXIST { throw .last }
            last = try Folder(name, in: last.descriptor)
            way.append(last)
        }
        return way
    }

    /// Opens a file to read.
    func file(_ name: String) throws(Errno) -> OpenFile {
        try OpenFile(name, in: descriptor, O_RDONLY)
    }

    /// Makes a new file to write.
    func newFile(_ name: String) throws(Errno) -> OpenFile {
        try OpenFile(name, in: descriptor, O_WRONLY | O_CREAT | O_EXCL)
    }

    /// Gives a file a second name in another folder; throws `fileExists` when the name is taken.
    func link(_ name: String, to newName: String, in other: Folder) throws(Errno) {
        guard linkat(descriptor, name, other.descriptor, newName, 0) == 0 else { throw .last }
    }

    func removeFile(_ name: String) throws(Errno) {
        guard unlinkat(descriptor, name, 0) == 0 else { throw .last }
    }

    /// Removes a folder that is empty; false when it is not, or has gone.
    func removeFolder(_ name: String) -> Bool { unlinkat(descriptor, name, AT_REMOVEDIR) == 0 }

    /// Makes sure that the names in it survive a loss of power.
    func sync() throws(Errno) {
        guard fsync(descriptor) == 0 else { throw .last }
    }

    enum Entry: Sendable {
        case file(String)
        case folder(String)
    }

    /// The files and folders in it, in no order; links and other things are left out.
    func entries() throws(Errno) -> [Entry] {
        // A second descriptor, because the listing closes its own.
        let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0, let listing = fdopendir(copy) else { throw .last }
        defer { closedir(listing) }
        var entries: [Entry] = []
        while let entry = readdir(listing) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(validating: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let name, name != ".", name != ".." else { continue }
            var status = stat()
            guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFREG: entries.append(.file(name))
            case S_IFDIR: entries.append(.folder(name))
            default: break
            }
        }
        return entries
    }
}
