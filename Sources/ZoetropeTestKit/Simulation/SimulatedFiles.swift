import Foundation
import ZoetropeCore
import ZoetropeWorkflow

/// The disk that all workers share; a file's content is a number.
final class SimulatedFiles: @unchecked Sendable {
    // Only the thread of the simulation's executor touches what is in here.
    struct Folder {
        var files: [String: UInt64] = [:]
        let owner: SimulatedProcess
        let run: AnimationID
        let epoch: Int64
    }

    private(set) var folders: [String: Folder] = [:]
    /// What a content was made from: predictions in order.
    var origins: [UInt64: [String]] = [:]
    /// Contents that are no video to be published.
    var bad: Set<UInt64> = []
    /// Contents of which not every frame can be decoded.
    var damaged: Set<UInt64> = []
    /// Contents of which every frame was decoded.
    var decoded: Set<UInt64> = []
    /// Who has made published files for a run.
    var makers: [AnimationID: Set<Int>] = [:]

    func make(_ path: String, owner: SimulatedProcess, run: AnimationID, epoch: Int64) {
        // What dead processes left is recognised and goes.
        for path in folders.keys.sorted() where folders[path]?.owner.isDead == true { folders[path] = nil }
        folders[path] = Folder(owner: owner, run: run, epoch: epoch)
    }

    func remove(_ path: String) { folders[path] = nil }

    func write(_ content: UInt64, to path: String) {
        let (folder, name) = Self.split(path)
        folders[folder]?.files[name] = content
    }

    func read(_ path: String) -> UInt64? {
        let (folder, name) = Self.split(path)
        return folders[folder]?.files[name]
    }

    /// Whose work a file is part of.
    func folder(of path: String) -> Folder? { folders[Self.split(path).folder] }

    /// Folders that processes which still live have left behind.
    var left: [String] { folders.filter { !$0.value.owner.isDead }.keys.sorted() }

    private static func split(_ path: String) -> (folder: String, name: String) {
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex
        return (String(path[..<slash]), String(path[path.index(after: slash)...]))
    }
}

/// The scratch space as one process sees it.
struct SimulatedScratch: Scratch {
    let world: World
    let process: SimulatedProcess

    func withFolder<Result: Sendable>(
        for run: AnimationID,
        epoch: Int64,
        _ body: @concurrent @Sendable (String) async throws -> Result
    ) async throws -> Result {
        guard await world.enter(.scratch, process) == .passes else {
            world.cover(.mediaFull)
            throw StorageError(.full, "simulated: no space left for scratch")
        }
        let path = "/scratch/\(run)-\(epoch)-\(world.dice.next())"
        world.files.make(path, owner: process, run: run, epoch: epoch)
        defer { if world.mutant != .leavesScratch { world.files.remove(path) } }
        return try await body(path)
    }
}

/// The media work as one process sees it.
struct SimulatedMedia: MediaPipeline {
    let world: World
    let process: SimulatedProcess

    private func work(_ site: CallSite, on paths: [String]) async throws(MediaFailure) -> [UInt64] {
        let verdict = await world.enter(site, process, isBroken: true)
        if let path = paths.first, let folder = world.files.folder(of: path) {
            world.judge.worked(for: folder.run, epoch: folder.epoch, by: process)
        }
        guard verdict == .passes else {
            let isRetryable = verdict == .failsBefore || world.dice.chance(0.5)
            world.cover(.mediaFails)
            let code: FailureCode =
                switch site {
                case .makeInput: .sourceUnreadable
                case .check: .internal
                default: .outputInvalid
                }
            if site == .check { world.cover(.checkFails) }
            throw MediaFailure(code, "simulated", isRetryable: isRetryable)
        }
        var contents: [UInt64] = []
        for path in paths {
            guard let content = world.files.read(path) else {
                throw MediaFailure(.internal, "there is no file at \(path)", isRetryable: false)
            }
            if world.files.bad.contains(content), world.mutant != .trustsExitCode, world.mutant != .trustsDownload {
                world.cover(.outputBad)
                throw MediaFailure(.outputInvalid, "simulated: no video", isRetryable: false)
            }
            contents.append(content)
        }
        await process.gate()
        return contents
    }

    func makeInput(from source: String, _ image: SourceImage, to path: String) async throws(MediaFailure) {
        let content = try await work(.makeInput, on: [source])[0]
        world.files.write(content &+ 1, to: path)
    }

    func publishable(from parts: [String], in folder: String, order: PublishOrder)
        async throws(MediaFailure) -> PublishableVideo
    {
        let contents = try await work(.publishable, on: parts)
        // Two encodings of the same clip are never the same bytes.
        let video = world.dice.next()
        world.files.origins[video] = contents.flatMap { world.files.origins[$0] ?? ["?"] }
        if contents.contains(where: world.files.bad.contains) { world.files.bad.insert(video) }
        if let run = world.files.folder(of: parts[0])?.run {
            world.files.makers[run, default: []].insert(process.number)
            if world.files.makers[run]?.count == 2 { world.cover(.mediaTwice) }
        }
        world.files.write(video, to: "\(folder)/video.mp4")
        world.files.write(video ^ 1, to: "\(folder)/poster.jpg")
        if !world.isCalm, world.dice.chance(world.weather.damages) { world.files.damaged.insert(video) }
        var result: ResultFile?
        if let run = world.files.folder(of: parts[0])?.run, run.isInHD {
            world.files.write(video ^ 2, to: "\(folder)/result.mp4")
            result = ResultFile(path: "\(folder)/result.mp4", size: FrameSize(width: 1920, height: 1080))
        }
        return PublishableVideo(
            video: "\(folder)/video.mp4",
            result: result,
            poster: "\(folder)/poster.jpg",
            size: FrameSize(width: 1280, height: 720),
            seconds: order.seconds,
            framesPerSecond: 30
        )
    }

    func check(_ video: String, seconds: Int, allowsSound: Bool) async throws(MediaFailure) {
        let content = try await work(.check, on: [video])[0]
        guard world.mutant != .checksNothing else { return }
        guard !world.files.damaged.contains(content) else {
            throw MediaFailure(.outputInvalid, "simulated: a frame cannot be decoded", isRetryable: true)
        }
        world.files.decoded.insert(content)
    }

    func lastFrame(of part: String, to path: String) async throws(MediaFailure) -> FrameSize {
        let content = try await work(.lastFrame, on: [part])[0]
        world.files.write(content &+ 2, to: path)
        return FrameSize(width: 1280, height: 720)
    }
}

extension AnimationID {
    /// Whether its model gives more lines than are played by default.
    var isInHD: Bool { description.utf8.last.map { $0 % 4 == 0 } ?? false }
}
