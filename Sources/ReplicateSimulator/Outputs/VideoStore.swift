import FoundationEssentials
import Glibc
import Subprocess
import SystemPackage

/// Makes the clips, once each, and keeps them in memory and in the user's cache folder.
actor VideoStore {
    private var clips: [VideoRecipe: Task<[UInt8], any Error>] = [:]
    /// Where the files lie that are served as they are.
    private let folder: String?

    init(folder: String?) {
        self.folder = folder
    }

    /// The most clips in memory: about 300 kB each.
    private static let clipLimit = 200

    /// The MP4 of a recipe.
    ///
    /// - Throws: ``SimulatorError`` when ffmpeg is missing or fails, or there is no such file.
    func video(_ recipe: VideoRecipe) async throws -> [UInt8] {
        if let clip = clips[recipe] { return try await clip.value }
        if clips.count >= Self.clipLimit { clips.removeAll() }
        // Owned by the dictionary: all who want the clip share one ffmpeg, and one who leaves does not stop it.
        let folder = folder
        let task = Task {
            if let file = recipe.file { try Self.read(file, in: folder) } else { try await Self.load(recipe) }
        }
        clips[recipe] = task
        do {
            return try await task.value
        } catch {
            clips[recipe] = nil
            throw error
        }
    }

    private static func read(_ file: String, in folder: String?) throws -> [UInt8] {
        guard let folder else {
            throw SimulatorError("no video \"\(file)\": start the simulator with --videos FOLDER")
        }
        do {
            return Array(try Data(contentsOf: URL(filePath: "\(folder)/\(file)")))
        } catch {
            throw SimulatorError("no video \"\(file)\" in \"\(folder)\": \(error)")
        }
    }

    private static func load(_ recipe: VideoRecipe) async throws -> [UInt8] {
        let folder = cacheFolder()
        let arguments = recipe.ffmpegArguments
        let key = Array(arguments.joined(separator: "\u{0}").utf8).sha256
        let path = "\(folder)/\(key.prefix(32)).mp4"
        if let data = try? Data(contentsOf: URL(filePath: path)), data.count > 1000 { return Array(data) }
        let temporary = "\(folder)/\(key.prefix(32)).\(UInt64.random(in: .min ... .max)).tmp"
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: temporary) }
            let result = try await Subprocess.run(
                .name("ffmpeg"),
                arguments: Arguments(arguments + [temporary]),
                input: .none,
                output: .discarded,
                error: .string(limit: 64 << 10)
            )
            guard result.terminationStatus.isSuccess else {
                throw SimulatorError("ffmpeg could not make \(recipe.name): \(result.standardError.suffix(500))")
            }
            let data = try Data(contentsOf: URL(filePath: temporary))
            // Another simulator may do the same; a rename gives readers the whole file or none.
            _ = rename(temporary, path)
            return Array(data)
        } catch let error as SimulatorError {
            throw error
        } catch {
            throw SimulatorError("no video \(recipe.name), \(error); is ffmpeg installed? (apt-get install ffmpeg)")
        }
    }

    private static func cacheFolder() -> String {
        let environment = ProcessInfo.processInfo.environment
        if let cache = environment["XDG_CACHE_HOME"], cache.hasPrefix("/") { return "\(cache)/replicate-simulator" }
        return "\(environment["HOME"] ?? "/tmp")/.cache/replicate-simulator"
    }
}

/// Something that keeps the simulator from working; the text is for a person.
package struct SimulatorError: Error, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
