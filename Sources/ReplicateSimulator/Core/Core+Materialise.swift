extension Core {
    /// Puts real data URIs and uploaded URLs in place of the world's placeholders.
    ///
    /// Only `output` can have one, in an object or in the objects of `results`.
    func materialised(_ value: JSONValue) async -> JSONValue {
        guard case .object(var object) = value else { return value }
        if let output = object["output"] {
            switch output {
            case .string(let text): object["output"] = await materialised(text: text)
            case .array(let items):
                var changed: [JSONValue] = []
                for item in items { changed.append(await item.string.asyncMap(materialised(text:)) ?? item) }
                object["output"] = .array(changed)
            default: break
            }
        }
        if let results = object["results"]?.array {
            var changed: [JSONValue] = []
            for result in results { changed.append(await materialised(result)) }
            object["results"] = .array(changed)
        }
        return .object(object)
    }

    private func materialised(text: String) async -> JSONValue {
        if let name = text.dropPrefix(VideoRecipe.placeholderPrefix), let recipe = VideoRecipe(name: String(name)) {
            guard let video = try? await videos.video(recipe) else { return .null }
            return .string("data:video/mp4;base64,\(video.base64)")
        }
        if let rest = text.dropPrefix(CogWorld.Run.uploadPrefix) {
            let parts = rest.split(separator: "/", maxSplits: 1)
            guard parts.count == 2, let recipe = VideoRecipe(name: String(parts[1])) else { return .null }
            return JSONValue(await uploads.url(ofRun: String(parts[0]), recipe, core: self))
        }
        return .string(text)
    }
}

extension String {
    func dropPrefix(_ prefix: String) -> Substring? { hasPrefix(prefix) ? dropFirst(prefix.count) : nil }
}

extension Optional {
    func asyncMap<Result>(_ transform: (Wrapped) async -> Result) async -> Result? {
        if let self { await transform(self) } else { nil }
    }
}

extension VideoRecipe {
    /// Reads what ``name`` writes.
    init?(name: String) {
        let parts = name.split(separator: "-", maxSplits: 4)
        guard parts.count >= 4, parts[1].hasSuffix("fps"), parts[2].hasSuffix("f"), let fps = Int(parts[1].dropLast(3)),
            let frames = Int(parts[2].dropLast())
        else { return nil }
        let size = parts[0].split(separator: "x").compactMap { Int($0) }
        guard size.count == 2 else { return nil }
        self.init(
            width: size[0],
            height: size[1],
            framesPerSecond: fps,
            frames: frames,
            hasAudio: parts[3] == "audio",
            file: parts.count == 5 ? String(parts[4]) : nil
        )
    }
}
