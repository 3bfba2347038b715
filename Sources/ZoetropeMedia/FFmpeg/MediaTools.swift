import Glibc
package import SystemPackage

/// The programs that the media path uses, and what surrounds them.
package struct MediaTools: Sendable, Equatable {
    package var ffmpeg: FilePath
    /// The one that came with ``ffmpeg``, where there is one beside it.
    package var ffprobe: FilePath
    package var prlimit: FilePath
    package var sandbox: Sandbox

    package init(ffmpeg: FilePath, ffprobe: FilePath, prlimit: FilePath, sandbox: Sandbox) {
        self.ffmpeg = ffmpeg
        self.ffprobe = ffprobe
        self.prlimit = prlimit
        self.sandbox = sandbox
    }

    /// Runs ffmpeg.
    func run(_ child: ChildProcess) async throws -> ChildProcess.Outcome {
        try await child.run(in: sandbox, prlimit: prlimit)
    }
}

/// Whether children are walled off with bubblewrap.
package enum SandboxPolicy: String, Sendable, CaseIterable {
    /// When it is there and works.
    case auto
    /// Always; without it nothing runs.
    case bubblewrap
    /// Never; limits and a deadline must do.
    case limits
}

extension MediaTools {
    /// Finds the programs.
    ///
    /// `ffmpeg` is a name that is looked up in `searchPath` (as in `PATH`), or a path. Throws a ``MediaError`` with
    /// `tool_missing` that names the package to install.
    package static func find(
        ffmpeg: String = "ffmpeg",
        policy: SandboxPolicy = .auto,
        searchPath: String
    ) async throws -> MediaTools {
        func need(_ name: String, _ remedy: String) throws(MediaError) -> FilePath {
            guard let path = locate(name, in: searchPath) else {
                throw MediaError(.toolMissing, "\(name) was not found; \(remedy)")
            }
            return path
        }
        let prlimit = try need("prlimit", "install it with: apt-get install util-linux")
        let ffmpeg = try need(ffmpeg, "install it with: apt-get install ffmpeg, or set ZOETROPE_FFMPEG to its path")
        let beside = ffmpeg.removingLastComponent().appending("ffprobe").string
        let ffprobe = try locate(beside, in: "") ?? need("ffprobe", "it comes with ffmpeg: apt-get install ffmpeg")
        var tools = MediaTools(ffmpeg: ffmpeg, ffprobe: ffprobe, prlimit: prlimit, sandbox: .limits)
        if policy != .limits, let bubblewrap = locate("bwrap", in: searchPath) {
            tools.sandbox = .bubblewrap(bubblewrap)
            // A container often forbids the namespaces; only a try tells.
            if try await tools.canStart() { return tools }
            tools.sandbox = .limits
        }
        if policy == .bubblewrap {
            throw MediaError(
                .toolMissing,
                "bubblewrap is required by ZOETROPE_SANDBOX but is missing or not allowed to make namespaces; "
                    + "install it with: apt-get install bubblewrap"
            )
        }
        return tools
    }

    /// Whether programs start at all in this sandbox.
    ///
    /// An ffmpeg outside `/usr` must prove that it finds its libraries; for others a program that starts ten times
    /// faster is proof enough.
    private func canStart() async throws -> Bool {
        let probe = ffmpeg.starts(with: "/usr") ? (prlimit, "--version") : (ffmpeg, "-version")
        let child = ChildProcess(probe.0, [probe.1], limits: .clip, deadline: .seconds(60))
        return try await run(child).succeeded
    }

    /// The absolute path of a program, like `command -v`.
    package static func locate(_ name: String, in searchPath: String) -> FilePath? {
        let candidates =
            name.contains("/")
            ? [FilePath(name)]
            : searchPath.split(separator: ":").map { FilePath(String($0)).appending(name) }
        guard let found = candidates.first(where: { access($0.string, X_OK) == 0 && !isFolder($0) }) else { return nil }
        return found.isAbsolute ? found : currentFolder().pushing(found)
    }

    private static func isFolder(_ path: FilePath) -> Bool {
        var status = stat()
        return stat(path.string, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func currentFolder() -> FilePath {
        guard let folder = getcwd(nil, 0) else { return "/" }
        defer { free(folder) }
        return FilePath(String(cString: folder))
    }
}

extension MediaTools {
    /// What ffmpeg calls itself: "5.1.9-0+deb12u1".
    package func version() async throws -> String {
        let words = try await listing("-version").split(separator: " ")
        guard words.count >= 3, words[0] == "ffmpeg" else {
            throw MediaError(.toolMissing, "\(ffmpeg) is not ffmpeg")
        }
        return String(words[2])
    }

    /// The encoders, decoders and filters that we use and this ffmpeg lacks.
    package func missingParts() async throws -> [String] {
        var missing: [String] = []
        for (list, names) in [
            ("-encoders", ["aac", "libx264", "mjpeg", "png"]),
            ("-decoders", ["h264", "mjpeg", "png", "webp"]),
            (
                "-filters",
                [
                    "aresample", "atempo", "atrim", "bwdif", "concat", "crop", "fps", "hstack", "premultiply", "scale",
                    "setpts", "setsar", "split", "tpad", "transpose", "trim",
                ]
            ),
        ] {
            // A line of such a list is "flags name …".
            let present = Set(
                try await listing(list).split(separator: "\n").compactMap { $0.split(separator: " ").dropFirst().first }
            )
            missing += names.filter { !present.contains(Substring($0)) }
        }
        return missing
    }

    private func listing(_ list: String) async throws -> String {
        let outcome = try await run(
            ChildProcess(ffmpeg, ["-hide_banner", list], limits: .clip, deadline: .seconds(60))
        )
        guard outcome.succeeded else {
            throw MediaError(.toolMissing, "\(ffmpeg) does not answer \(list)", detail: outcome.detail)
        }
        return outcome.standardOutput
    }
}
