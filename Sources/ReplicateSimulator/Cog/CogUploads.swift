import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// Uploads the outputs of Cog runs, once per run.
actor CogUploads {
    private var uploads: [String: Task<String?, Never>] = [:]

    /// Where a run's output is; nil when the upload failed.
    func url(ofRun run: String, _ recipe: VideoRecipe, core: Core) async -> String? {
        // After a reset the runs are counted from 1 again.
        let key = "\(core.withState { $0.generation })/\(run)"
        if let upload = uploads[key] { return await upload.value }
        // Owned by the dictionary; the client's timeout ends it.
        let task = Task { await Self.put(run, recipe, core) }
        uploads[key] = task
        return await task.value
    }

    private static func put(_ run: String, _ recipe: VideoRecipe, _ core: Core) async -> String? {
        guard let prefix = core.withState({ $0.world.switches.cog.uploadURL }),
            let video = try? await core.videos.video(recipe)
        else { return nil }
        let url = prefix.hasSuffix("/") ? "\(prefix)output.\(run).mp4" : "\(prefix)/output.\(run).mp4"
        var request = HTTPClientRequest(url: url)
        request.method = .PUT
        request.headers.add(name: "Content-Type", value: "video/mp4")
        request.body = .bytes(ByteBuffer(bytes: video))
        guard let response = try? await core.http.execute(request, timeout: .seconds(25)),
            (200..<300).contains(response.status.code)
        else { return nil }
        _ = try? await response.body.collect(upTo: 1 << 20)
        let location = response.headers.first(name: "location") ?? url
        return String(location.prefix { $0 != "?" })
    }
}
