package import StrictJSON

/// The form of a row in the models file and in a stored run.
extension VideoModel {
    /// The longest clip in seconds that a row may offer.
    static let longestSeconds = 60

    /// The row with every field, as ``init(reading:)`` takes it.
    package var json: JSONValue {
        var members: [String: JSONValue] = [
            "alias": .string(alias),
            "provider": .string(provider.rawValue),
            "durations": .array(durations.map { .integer(Int64($0)) }),
            "paid_durations": .array(paidDurations.map { .integer(Int64($0)) }),
            "resolutions": .array(resolutions.map { .string($0.rawValue) }),
            "requires_prompt": .bool(requiresPrompt),
            "prompt_style": .string(promptStyle.rawValue),
        ]
        if !name.isEmpty { members["name"] = .string(name) }
        if let generatedSeconds { members["generated_seconds"] = .integer(Int64(generatedSeconds)) }
        switch price {
        case .perVideo(let amount): members["price_usd"] = .number(amount.usd)
        case .perSecond(let prices):
            let pairs = prices.map { ($0.key.rawValue, JSONValue.number($0.value.usd)) }
            members["price_usd_per_second"] = .object(Dictionary(uniqueKeysWithValues: pairs))
        }
        if provider.hasInputNames { members["inputs"] = inputs.json }
        return .object(members)
    }

    /// Reads a row; nil after problems were noted.
    init?(reading row: inout FieldReader) {
        let alias = row.required("alias", "1–64 characters of a–z, 0–9, _ and -", Self.alias)
        let provider: Provider? = row.requiredChoice("provider")
        let name = Self.readName(&row, provider)
        let seconds = "whole numbers from 1 to \(Self.longestSeconds), each once"
        let durations = row.required("durations", "a list of at least one of the \(seconds)") { value in
            Self.seconds(value).flatMap { $0.isEmpty ? nil : $0 }
        }
        let paidDurations = row.optional("paid_durations", "a list of \(seconds)", Self.seconds) ?? []
        let resolutions = row.required("resolutions", "a list of 480p, 720p and 1080p, each at most once") { value in
            FieldReader.distinct(value) { $0.string.flatMap(Resolution.init(rawValue:)) }
                .flatMap { $0.isEmpty ? nil : $0 }
        }
        let requiresPrompt = row.optionalBool("requires_prompt") ?? false
        let promptStyle: PromptStyle? = row.optionalChoice("prompt_style")
        let generatedSeconds = Self.readGeneratedSeconds(&row, (durations ?? []) + paidDurations)
        let price = Price(reading: &row, provider: provider, resolutions: resolutions ?? [])
        let inputs = InputNames(readingFrom: &row, provider)
        guard let alias, let provider, let name, let durations, let resolutions, let price, let inputs else {
            return nil
        }
        self.init(
            alias: alias,
            provider: provider,
            name: name,
            durations: durations,
            paidDurations: paidDurations,
            resolutions: resolutions,
            requiresPrompt: requiresPrompt,
            generatedSeconds: generatedSeconds,
            price: price,
            inputs: inputs,
            promptStyle: promptStyle ?? (requiresPrompt ? .caller : .composed)
        )
    }

    private static func readName(_ row: inout FieldReader, _ provider: Provider?) -> String? {
        switch provider {
        case .replicate:
            row.required("name", "owner/name as on Replicate, such as wan-video/wan-2.5-i2v") { value in
                value.string.flatMap { text in
                    let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
                    let isName = parts.count == 2 && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(isNameByte) }
                    return isName ? text : nil
                }
            }
        case .local, .cog:
            row.optional("name", "left out for this provider") { _ in nil } ?? ""
        case .openAIVideos:
            row.optional("name", "1–200 printable ASCII characters, or left out for the server's own", servedName) ?? ""
        case nil:
            row.optional("name", "a string", \.string)
        }
    }

    /// A name for a form's field; what it may be is the server's to say.
    private static func servedName(_ value: JSONValue) -> String? {
        value.string.flatMap { text in
            let isName = (1...200).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
            return isName ? text : nil
        }
    }

    private static func readGeneratedSeconds(_ row: inout FieldReader, _ offered: [Int]) -> Int? {
        let longest = offered.max() ?? 0
        let rule = "a whole number from 1 to \(longestSeconds), and at least half of the longest duration"
        return row.optional("generated_seconds", rule) { value in
            FieldReader.whole(value, in: 1...longestSeconds).flatMap { $0 * 2 >= longest ? $0 : nil }
        }
    }

    private static func seconds(_ value: JSONValue) -> [Int]? {
        FieldReader.distinct(value) { FieldReader.whole($0, in: 1...longestSeconds) }
    }

    private static func alias(_ value: JSONValue) -> String? {
        value.string.flatMap { text in
            let isAlias = (1...64).contains(text.utf8.count) && text.utf8.allSatisfy(isAliasByte)
            return isAlias ? text : nil
        }
    }

    private static func isAliasByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        isAliasByte(byte) || byte == UInt8(ascii: ".") || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
}

extension Price {
    /// Reads `price_usd` or `price_usd_per_second`; what runs on the user's own machines may leave both out.
    fileprivate init?(reading row: inout FieldReader, provider: VideoModel.Provider?, resolutions: [Resolution]) {
        let perVideo = row.optional("price_usd", "US dollars from 0 to 1000", Self.amount)
        let rule = "an object with US dollars from 0 to 1000 for each of the resolutions"
        let perSecond = row.optional("price_usd_per_second", rule) { value -> [Resolution: MicroUSD]? in
            let pairs = (value.object ?? [:])
                .compactMap { name, price in
                    Resolution(rawValue: name).flatMap { key in Self.amount(price).map { (key, $0) } }
                }
            guard pairs.count == value.object?.count, Set(pairs.map(\.0)) == Set(resolutions) else { return nil }
            return Dictionary(uniqueKeysWithValues: pairs)
        }
        switch (row.given("price_usd") != nil, row.given("price_usd_per_second") != nil) {
        case (true, true):
            row.note("price_usd_per_second", "must be left out where price_usd is given")
            return nil
        case (true, false):
            guard let perVideo else { return nil }
            self = .perVideo(perVideo)
        case (false, true):
            guard let perSecond else { return nil }
            self = .perSecond(perSecond)
        case (false, false):
            guard provider != .replicate else {
                row.note("price_usd", "is missing; give it or price_usd_per_second")
                return nil
            }
            self = .free
        }
    }

    private static func amount(_ value: JSONValue) -> MicroUSD? {
        guard let usd = value.number, (0...1_000).contains(usd) else { return nil }
        return MicroUSD(Int64((usd * 1_000_000).rounded()))
    }
}

extension VideoModel.Provider {
    /// Whether its models name their inputs; the local renderer has none, and OpenAI's interface names them for all.
    fileprivate var hasInputNames: Bool {
        switch self {
        case .local, .openAIVideos: false
        case .replicate, .cog: true
        }
    }
}

extension InputNames {
    fileprivate var json: JSONValue {
        var members: [String: JSONValue] = ["image": .string(image), "prompt": .string(prompt)]
        for (name, input) in [("resolution", resolution), ("duration", duration), ("seed", seed)] {
            members[name] = input.map { .string($0) }
        }
        if !fixed.isEmpty { members["fixed"] = .object(fixed) }
        return .object(members)
    }

    /// Reads `inputs`; not every provider has them.
    fileprivate init?(readingFrom row: inout FieldReader, _ provider: VideoModel.Provider?) {
        guard provider?.hasInputNames != false else {
            self.init()
            return
        }
        var part = row.open("inputs")
        let rule = "the name of an input"
        func name(_ value: JSONValue) -> String? { value.string.flatMap { $0.isEmpty ? nil : $0 } }
        let image = part.required("image", rule, name)
        let prompt = part.required("prompt", rule, name)
        let resolution = part.optional("resolution", rule, name)
        let duration = part.optional("duration", rule, name)
        let seed = part.optional("seed", rule, name)
        let named = [image, prompt, resolution, duration, seed].compactMap { $0 }
        if Set(named).count < named.count { part.note("image", "and the other inputs must have different names") }
        let fixed = part.optional("fixed", "an object without the inputs named beside it") { value in
            value.object.flatMap { $0.keys.contains(where: named.contains) ? nil : $0 }
        }
        part.refuseUnknown()
        row.close(part)
        guard part.problems.isEmpty, let image, let prompt else { return nil }
        self.init(
            image: image,
            prompt: prompt,
            resolution: resolution,
            duration: duration,
            seed: seed,
            fixed: fixed ?? [:]
        )
    }
}
