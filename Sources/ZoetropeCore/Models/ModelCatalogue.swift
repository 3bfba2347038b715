package import StrictJSON

/// The models that callers may choose from, by alias.
package struct ModelCatalogue: Sendable, Hashable {
    /// In the order in which they are listed for callers.
    package let models: [VideoModel]

    package init(_ models: [VideoModel]) {
        self.models = models
    }

    package static let builtIn = ModelCatalogue([.videoLive, .wan, .local])

    package func named(_ alias: String) -> VideoModel? {
        models.first { $0.alias == alias }
    }

    /// The model of callers who name none.
    ///
    /// Without a configured provider the local renderer does it.
    package func defaultModel(for kind: JobKind, hasProvider: Bool) -> VideoModel {
        let standard: VideoModel =
            switch kind {
            case _ where !hasProvider: .local
            case .scene: .videoLive
            case .photo: .wan
            }
        return named(standard.alias) ?? standard
    }
}

extension ModelCatalogue {
    /// Reads the models file: `{"models": [row, …]}`.
    ///
    /// A row replaces the built-in one of the same alias as a whole; others are added. A row's fields:
    /// - `alias`: text, required, 1–64 characters of a–z, 0–9, _ and -
    /// - `provider`: `local`, `replicate`, `cog` or `openai-videos`, required
    /// - `name`: `owner/name`, required for Replicate; for `openai-videos` the model that the server is asked for, default its
    ///   own; else left out
    /// - `durations`: list of seconds, 1–60, required, the default first; `paid_durations`: the same, default none
    /// - `resolutions`: list of `480p`, `720p`, `1080p`, required
    /// - `requires_prompt`: default false; `prompt_style`: `composed`, or `caller` (default where a prompt is required)
    /// - `generated_seconds`: seconds that one generation always makes, default none
    /// - `price_usd` for each generation, or `price_usd_per_second` by resolution; required for Replicate, default free
    /// - `inputs`: object, required for Replicate and Cog, else left out: `image`, `prompt`, and where the model has them `resolution`,
    ///   `duration`, `seed`: what the model calls them; `fixed`: object of inputs that are always sent
    ///
    /// - Throws: ``FieldError`` with all mistakes together; an unknown field is one.
    package init(parsing file: JSONValue) throws(FieldError) {
        var document = FieldReader(file, at: "")
        let rows = document.required("models", "a list of models", \.array) ?? []
        document.refuseUnknown()
        var models = Self.builtIn.models
        var aliases: Set<String> = []
        for (index, value) in rows.enumerated() {
            var row = FieldReader(value, at: "models[\(index)]")
            let model = VideoModel(reading: &row)
            row.refuseUnknown()
            if let alias = value["alias"]?.string, !aliases.insert(alias).inserted {
                row.note("alias", "must be given once, got \"\(alias)\" again")
            }
            if value["alias"] == "local", value["provider"] != "local" {
                row.note("provider", "must be \"local\" for the alias \"local\", which costs nothing")
            }
            document.close(row)
            guard let model else { continue }
            if let known = models.firstIndex(where: { $0.alias == model.alias }) {
                models[known] = model
            } else {
                models.append(model)
            }
        }
        guard document.problems.isEmpty else { throw FieldError(problems: document.problems) }
        self.models = models
    }
}
