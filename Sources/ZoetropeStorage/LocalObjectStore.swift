package import Foundation
import Glibc
import SystemPackage
package import ZoetropeCore
package import ZoetropeWorkflow

/// Objects as files in a folder: a key is a path in it.
///
/// Nothing is kept beside the files. The content type follows from the key's ending and the hash is computed whenever
/// it is asked for, so neither can disagree with the bytes. What a key can name is what the file system can: a put is
/// `denied` for a part longer than its names (255 bytes) and for a key that goes through another object.
package final class LocalObjectStore: ObjectStore {
    private let root: Folder
    private let incoming: Folder
    private let work = BlockingWork(threads: 4)
    /// Pieces for readers do not wait until large files are copied and flushed.
    private let reading = BlockingWork(threads: 4)

    /// Files that are being written; no object's key begins with it.
    ///
    /// It lies in the file system of the objects, because a file is published by giving it a second name.
    private static let incomingName = ".incoming"

    /// How often a put begins again when deletes take its folders away.
    private static let maxTries = 100

    /// Opens the store in a folder, which is made when it is not there.
    ///
    /// Removes what killed processes left half written.
    package init(folder: String) throws(StorageError) {
        do {
            root = try Folder(making: FilePath(folder))
            incoming = try root.way([Self.incomingName], making: true)[1]
            _ = try Self.removeUnfinished(in: incoming, before: .distantFuture)
        } catch {
            throw StorageError(error, "the store's folder \"\(folder)\"")
        }
    }

    package func put(_ file: String, at key: ObjectKey, contentType: String)
        async throws(StorageError) -> PutOutcome
    {
        try await perform("put \(key)") { [root, incoming] () throws(Errno) in
            let path = try Path(key)
            let source = try OpenFile(file, O_RDONLY)
            let (name, copy) = try Self.newFile(in: incoming)
            defer { try? incoming.removeFile(name) }
            let facts = ObjectFacts(try source.digest(copyingTo: copy), of: key)
            try copy.stamp()
            try copy.sync()

            for _ in 0..<Self.maxTries {
                do throws(Errno) {
                    let way = try root.way(path.folders, making: true)
                    guard let folder = way.last else { throw .noSuchFileOrDirectory }
                    do throws(Errno) {
                        try incoming.link(name, to: path.name, in: folder)
                    } catch .fileExists {
                        return .exists(ObjectFacts(try folder.file(path.name).digest(), of: key))
                    }
                    // All of them: another put may have made a folder and not come to this yet.
                    for folder in way.reversed() { try folder.sync() }
                    return .stored(facts)
                } catch .noSuchFileOrDirectory {
                    // A delete took the object, or a folder that it had emptied.
                }
            }
            throw .resourceTemporarilyUnavailable
        }
    }

    package func facts(of key: ObjectKey) async throws(StorageError) -> ObjectFacts? {
        try await perform("facts of \(key)") { [root] () throws(Errno) in
            do throws(Errno) {
                return ObjectFacts(try Path(key).open(below: root).digest(), of: key)
            } catch  where error.meansNothingThere {
                return nil
            }
        }
    }

    package func get(_ key: ObjectKey, to file: String) async throws(StorageError) -> ObjectFacts {
        let (facts, byteCount) = try await perform("get \(key)") { [root] () throws(Errno) in
            let source: OpenFile
            do throws(Errno) {
                source = try Path(key).open(below: root)
            } catch  where error.meansNothingThere {
                throw .noSuchFileOrDirectory
            }
            let target = try OpenFile(file, O_WRONLY | O_CREAT | O_EXCL)
            do throws(Errno) {
                return (ObjectFacts(try source.digest(copyingTo: target), of: key), source.byteCount)
            } catch {
                unlink(file)
                throw error
            }
        }
        guard facts.byteCount == byteCount else {
            unlink(file)
            throw StorageError(
                .corrupt,
                "get \(key): it has \(facts.byteCount) bytes instead of \(byteCount)"
            )
        }
        return facts
    }

    package func open(_ key: ObjectKey) async throws(StorageError) -> (any ObjectReader)? {
        try await perform("open \(key)", on: reading) { [root, reading] () throws(Errno) in
            do throws(Errno) {
                return LocalObjectReader(file: try Path(key).open(below: root), key: key, work: reading)
            } catch  where error.meansNothingThere {
                return nil
            }
        }
    }

    package func delete(_ key: ObjectKey) async throws(StorageError) {
        try await perform("delete \(key)") { [root] () throws(Errno) in
            do throws(Errno) {
                let path = try Path(key)
                let way = try root.way(path.folders)
                guard let folder = way.last else { return }
                try folder.removeFile(path.name)
                try folder.sync()
                // Only empty folders can be removed, so an object that is put meanwhile loses none.
                for (folder, name) in zip(way, path.folders).reversed() {
                    guard folder.removeFolder(name) else { break }
                }
            } catch  where error.meansNothingThere {
                return
            }
        }
    }

    package func list(prefix: String, after: ObjectKey?, limit: Int) async throws(StorageError) -> [StoredObject] {
        try await perform("list \"\(prefix)\"") { [root] () throws(Errno) in
            var page = Page(prefix: prefix, after: after, limit: limit)
            try Self.fill(&page, from: root, path: "")
            return page.objects
        }
    }

    package func removeUnfinished(before: Date) async throws(StorageError) -> Int {
        try await perform("remove what is unfinished") { [incoming] () throws(Errno) in
            try Self.removeUnfinished(in: incoming, before: before)
        }
    }

    /// Removes files of writers that are no more: a writer holds the lock of its file as long as it lives.
    private static func removeUnfinished(in incoming: Folder, before: Date) throws(Errno) -> Int {
        var count = 0
        for case .file(let name) in try incoming.entries() {
            guard let file = try? incoming.file(name), file.lock(), file.modifiedAt < before else { continue }
            if (try? incoming.removeFile(name)) != nil { count += 1 }
        }
        return count
    }

    /// A part of a list, as it is being filled.
    private struct Page {
        let prefix: String
        let after: ObjectKey?
        let limit: Int
        var objects: [StoredObject] = []

        var isFull: Bool { objects.count >= limit }

        func takes(_ key: ObjectKey) -> Bool {
            key.description.utf8.starts(with: prefix.utf8) && after?.precedes(key) ?? true
        }

        /// Whether keys that begin with a folder's path, which ends with a slash, may belong to it.
        func reaches(_ path: String) -> Bool {
            let after = after?.description ?? ""
            return path.utf8.starts(with: prefix.utf8) || prefix.utf8.starts(with: path.utf8)
                ? after.utf8.starts(with: path.utf8) || after.utf8.lexicographicallyPrecedes(path.utf8)
                : false
        }
    }

    /// Adds the objects of a folder and of those in it, in order, until the page is full.
    private static func fill(_ page: inout Page, from folder: Folder, path: String) throws(Errno) {
        // A folder stands where its keys do: behind a file whose name goes on with a byte before the slash.
        let entries = try folder.entries()
            .map { entry in
                switch entry {
                case .file(let name): (path: path + name, name: name, isFolder: false)
                case .folder(let name): (path: path + name + "/", name: name, isFolder: true)
                }
            }
        for entry in entries.sorted(by: { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }) {
            guard !page.isFull else { return }
            if entry.isFolder {
                guard entry.path != "\(incomingName)/", page.reaches(entry.path),
                    // It may be gone since.
                    let next = try? folder.way([entry.name])[1]
                else { continue }
                try fill(&page, from: next, path: entry.path)
            } else if let key = ObjectKey(entry.path), page.takes(key), let file = try? folder.file(entry.name) {
                page.objects.append(
                    StoredObject(key: key, byteCount: file.byteCount, modifiedAt: file.modifiedAt)
                )
            }
        }
    }

    /// A new file under a name of its own, locked against the sweep of another process.
    private static func newFile(in incoming: Folder) throws(Errno) -> (name: String, file: OpenFile) {
        for _ in 0..<maxTries {
            let name = String(UInt64.random(in: 0...UInt64.max), radix: 16)
            let file = try incoming.newFile(name)
            // A sweep may come between the two lines; then there is a next.
            if file.lock() { return (name, file) }
        }
        throw .resourceTemporarilyUnavailable
    }

    private func perform<Value: Sendable>(
        _ what: String,
        on work: BlockingWork? = nil,
        _ body: @escaping @Sendable () throws(Errno) -> Value
    ) async throws(StorageError) -> Value {
        try await (work ?? self.work)
            .run { () throws(StorageError) in
                do throws(Errno) {
                    return try body()
                } catch {
                    throw StorageError(error, what)
                }
            }
    }

    /// Where an object lies below the root.
    private struct Path {
        var folders: [String]
        let name: String

        /// Throws `notDirectory` for keys that begin with the store's own folder.
        init(_ key: ObjectKey) throws(Errno) {
            folders = key.description.utf8.split(separator: UInt8(ascii: "/"))
                .map { String(decoding: $0, as: UTF8.self) }
            guard let name = folders.popLast(), (folders.first ?? name) != incomingName else {
                throw .notDirectory
            }
            self.name = name
        }

        func open(below root: Folder) throws(Errno) -> OpenFile {
            let way = try root.way(folders)
            return try way[way.count - 1].file(name)
        }
    }
}

extension ObjectFacts {
    fileprivate init(_ digest: OpenFile.Digest, of key: ObjectKey) {
        self.init(byteCount: digest.byteCount, sha256: digest.sha256, contentType: key.contentType)
    }
}
