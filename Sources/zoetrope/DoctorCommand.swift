import ArgumentParser
import Foundation
import Logging
import Replicate
import SystemPackage
import ZoetropeCore
import ZoetropeDatabase
import ZoetropeMedia
import ZoetropeProviders
import ZoetropeStorage
import ZoetropeTokens
import ZoetropeWorkflow

/// The command `zoetrope doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Checks that everything is there: ffmpeg, the sandbox, disk, clock, provider token.",
        discussion: """
            One line for each check: ok, warn (works, but could be better) or FAIL.
            Exit code 1 if one fails.
            """
    )

    @OptionGroup(title: "Settings") var options: SettingsOptions

    func run() async throws {
        let settings = try options.load()
        var checks: [Check] = []
        do {
            let tools = try await settings.mediaTools()
            checks += await Self.ffmpeg(tools)
            checks.append(Self.sandbox(tools))
        } catch let error as MediaError {
            checks.append(Check(.fail, "ffmpeg", error.message))
        }
        checks.append(Self.space("output folder", "."))
        checks.append(Self.space("temporary folder", ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"))
        checks.append(Self.clock(Date.now))
        checks.append(await Self.database(settings))
        switch settings.storage {
        case .folder(let folder): checks.append(Self.space("objects' folder", Self.existing(folder)))
        case .bucket(let location): checks.append(await Self.bucket(location))
        }
        checks.append(await Self.token(settings))
        if case .secretFile = settings.tokens.keys, SecretFile.isOpenToOthers(path: settings.tokenSecretFile) {
            let finding = "others can read \(settings.tokenSecretFile); chmod 600 it"
            checks.append(Check(.warn, "token secret", finding))
        }
        if let engine = settings.openAIVideos { checks.append(await Self.engine(engine)) }

        for check in checks { try Console.result(check.line) }
        if checks.contains(where: { $0.verdict == .fail }) {
            throw CommandFailure.failed("something is missing; see FAIL above")
        }
    }

    /// What one check found.
    struct Check {
        enum Verdict: String {
            case ok
            case warn
            case fail = "FAIL"
        }

        let verdict: Verdict
        let line: String

        init(_ verdict: Verdict, _ subject: String, _ finding: String) {
            self.verdict = verdict
            line = "\(verdict.rawValue.padding(toLength: 5, withPad: " ", startingAt: 0)) \(subject): \(finding)"
        }
    }

    private static func ffmpeg(_ tools: MediaTools) async -> [Check] {
        do {
            let version = try await tools.version()
            let missing = try await tools.missingParts()
            return missing.isEmpty
                ? [Check(.ok, "ffmpeg", "\(tools.ffmpeg) \(version)")]
                : [
                    Check(
                        .fail,
                        "ffmpeg",
                        "\(tools.ffmpeg) \(version) lacks \(missing.joined(separator: ", ")); Debian's and Ubuntu's ffmpeg has it"
                    )
                ]
        } catch {
            return [Check(.fail, "ffmpeg", "\(tools.ffmpeg) does not run: \(error)")]
        }
    }

    private static func sandbox(_ tools: MediaTools) -> Check {
        switch tools.sandbox {
        case .bubblewrap(let path):
            Check(.ok, "sandbox", "\(path) works: ffmpeg sees one folder, no network and no other process")
        case .limits:
            Check(
                .warn,
                "sandbox",
                "ffmpeg runs with limits and a deadline only; apt-get install bubblewrap walls it off"
                    + " (in a container, user namespaces must be allowed)"
            )
        }
    }

    private static func space(_ subject: String, _ path: String) -> Check {
        guard FileManager.default.isWritableFile(atPath: path) else {
            return Check(.fail, subject, "\"\(path)\" cannot be written to")
        }
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: path)
        guard let free = (attributes?[.systemFreeSize] as? NSNumber)?.int64Value else {
            return Check(.warn, subject, "\"\(path)\" does not say how much space is free")
        }
        let megabytes = free / 1_000_000
        // A ten-second clip at 1080p takes at most 15 MB, a decoded photo 10 MB.
        return megabytes >= 200
            ? Check(.ok, subject, "\"\(path)\" is writable, \(megabytes) MB free")
            : Check(.fail, subject, "\"\(path)\" has only \(megabytes) MB free; make room for 200 MB")
    }

    /// The folder itself, or what it will be made in.
    private static func existing(_ path: String) -> String {
        var path = FilePath(path)
        while !FileManager.default.fileExists(atPath: path.string), !path.isEmpty { path.removeLastComponent() }
        return path.isEmpty ? "." : path.string
    }

    private static func database(_ settings: Settings) async -> Check {
        if case .sqlite(let path) = settings.database, !FileManager.default.fileExists(atPath: path) {
            return Check(.ok, "database", "SQLite, will be made at \"\(path)\"")
        }
        do {
            let store = try await Engine.store(
                settings,
                logger: Logger(label: "doctor") { _ in SwiftLogNoOpLogHandler() },
                migrates: false
            )
            _ = try await store.nextWake()
            await store.close()
            if case .sqlite(let path) = settings.database { return Check(.ok, "database", "SQLite at \"\(path)\"") }
            return Check(.ok, "database", "PostgreSQL answers")
        } catch let failure as CommandFailure {
            return Check(.fail, "database", failure.message)
        } catch {
            return Check(.fail, "database", "\(error)")
        }
    }

    /// Does with a small object what the service does with its own.
    private static func bucket(_ location: S3Location) async -> Check {
        let subject = "bucket \(location.bucket)"
        let store = Engine.bucket(location, logger: Logger(label: "doctor") { _ in SwiftLogNoOpLogHandler() })
        let file = FileManager.default.temporaryDirectory.appending(path: "zoetrope-doctor-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        guard let key = ObjectKey("\(ObjectKey.temporaryPrefix)\(file.lastPathComponent)"),
            FileManager.default.createFile(atPath: file.path, contents: Data("zoetrope doctor".utf8))
        else { return Check(.fail, subject, "the temporary folder cannot be written to") }
        do throws(StorageError) {
            _ = try await store.list(prefix: ObjectKey.temporaryPrefix, after: nil, limit: 1)
            let first = try await store.put(file.path, at: key, contentType: "text/plain")
            let second = try await store.put(file.path, at: key, contentType: "text/plain")
            try await store.delete(key)
            _ = try await store.removeUnfinished(before: .distantPast)
            guard second == .exists(first.facts) else {
                return Check(.fail, subject, "it overwrites what must stay; the server must know If-None-Match on puts")
            }
            return Check(.ok, subject, "lists, keeps, does not overwrite and deletes")
        } catch {
            return Check(.fail, subject, error.detail)
        }
    }

    private static func token(_ settings: Settings) async -> Check {
        guard let replicate = settings.replicate else {
            return Check(.ok, "provider token", "none is set; the local renderer needs none")
        }
        do {
            let client = try ReplicateClient(token: replicate.token, baseURL: replicate.baseURL)
            let account = try await client.account()
            return Check(.ok, "provider token", "Replicate knows it, as \(account.username)")
        } catch let error as ReplicateError {
            return Check(.fail, "provider token", "\(error)")
        } catch {
            return Check(.fail, "provider token", "Replicate cannot be asked: \(error)")
        }
    }

    private static func engine(_ settings: Settings.OpenAIVideosSettings) async -> Check {
        let subject = "openai-videos engine"
        do {
            let client = try Engine.client(settings, createTimeout: .seconds(60))
            return Check(.ok, subject, try await OpenAIVideosProvider.check(client))
        } catch let error as ProviderError {
            // Not every gateway has a list; what matters is that it takes the key.
            return Check(error.kind == .rejected ? .warn : .fail, subject, error.detail)
        } catch let failure as CommandFailure {
            return Check(.fail, subject, failure.message)
        } catch {
            return Check(.fail, subject, "\(error)")
        }
    }

    /// A clock before this version's own time breaks every signature and every deadline that outlives the process.
    private static func clock(_ now: Date) -> Check {
        let text = now.formatted(.iso8601)
        let released = Date(timeIntervalSince1970: 1_793_491_200)  // 2026-11-01
        return now >= released
            ? Check(.ok, "clock", text)
            : Check(.fail, "clock", "\(text) is in the past; set the time, for example with chrony")
    }
}
