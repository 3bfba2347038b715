import Crypto
import Foundation
import SystemPackage
import ZoetropeCore
import ZoetropeWorkflow

/// An object's file, open: it is there until the last reader is gone, whatever becomes of its name.
struct LocalObjectReader: ObjectReader {
    let file: OpenFile
    let key: ObjectKey
    let work: BlockingWork

    var byteCount: Int64 { file.byteCount }
    var contentType: String { key.contentType }
    var modifiedAt: Date { file.modifiedAt }

    /// By what tells one file from another that had its name, so that no byte needs to be read for it.
    var entityTag: String {
        let identity = "\(file.inode) \(file.byteCount) \(file.modifiedNanoseconds)"
        // Hashed, because it is nobody's business where the file lies.
        return SHA256.hash(data: Data(identity.utf8)).prefix(12).hexadecimal
    }

    func bytes(at offset: Int64, count: Int) async throws(StorageError) -> [UInt8] {
        try await work.run { [file, key] () throws(StorageError) in
            do throws(Errno) {
                return try file.bytes(at: offset, count: count)
            } catch {
                throw StorageError(error, "read \(key)")
            }
        }
    }
}
