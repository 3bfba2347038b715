import ZoetropeCore

/// Rules 1 to 3, 17 and 18: the file around the pictures.
extension MP4Conformance {
    static func brand(_ movie: MP4Movie) -> [String] {
        guard let brand = movie.majorBrand else {
            return ["there is no 'ftyp' box, the brand must be 'isom' or the like"]
        }
        if MP4Target.brands.contains(brand) { return [] }
        return ["major brand must be one of isom, iso2 to iso6, mp41, mp42, avc1, got '\(brand)'"]
    }

    static func fastStart(_ movie: MP4Movie) -> [String] {
        var texts: [String] = []
        let types = movie.boxes.map(\.type)
        if let first = types.first, first != .ftyp { texts.append("the first box must be 'ftyp', got '\(first)'") }
        let movieCount = types.count { $0 == .moov }
        if movieCount != 1 { texts.append("there must be one 'moov' box, got \(movieCount)") }
        if let media = types.firstIndex(of: .mdat) {
            if let start = types.firstIndex(of: .moov), start > media {
                texts.append("'moov' must stand before 'mdat'")
            }
        } else {
            texts.append("there must be an 'mdat' box, got none")
        }
        if movie.isFragmented { texts.append("the file must not be fragmented") }
        if let last = movie.boxes.last {
            let left = movie.fileSize - last.offset
            if last.size > left {
                texts.append("'\(last.type)' must end with the file, claims \(last.size) bytes of \(left)")
            }
            if last.size < left {
                texts.append("the last box must end the file, got \(left - last.size) bytes after it")
            }
        }
        return texts + movie.tracks.flatMap(mediaPlace)
    }

    private static func mediaPlace(_ track: MP4Track) -> [String] {
        var texts: [String] = []
        if !track.isSelfContained { texts.append("the media of track \(track.id) must lie in this file, not another") }
        if !track.layout.liesInMediaData { texts.append("the samples of track \(track.id) must lie within 'mdat'") }
        if !track.layout.coversAllSamples {
            texts.append(
                "the chunks of track \(track.id) must hold its \(track.sampleCount) samples, no more, no fewer"
            )
        }
        return texts
    }

    static func tracks(_ movie: MP4Movie) -> [String] {
        var texts: [String] = []
        let videoCount = movie.tracks.count { $0.handler == .video }
        let soundCount = movie.tracks.count { $0.handler == .sound }
        if videoCount != 1 { texts.append("there must be 1 video track, got \(videoCount)") }
        if soundCount > 1 { texts.append("there must be at most 1 sound track, got \(soundCount)") }
        for track in movie.tracks {
            if case .other(let handler) = track.handler { texts.append("there must be no '\(handler)' track") }
        }
        if movie.videoTrack?.isEnabled == false { texts.append("the video track must be enabled") }
        return texts
    }

    static func privateData(_ movie: MP4Movie, keeping: Set<MP4Metadata>, marking provenance: Provenance?) -> [String] {
        let marks = provenance.map { Set([MP4Metadata(marking: $0)]) } ?? []
        let strangers = movie.metadata.filter { entry in
            !keeping.contains(entry) && !marks.contains(entry)
                && MP4Target.metadata[entry.key]?.contains(entry.text) != true
        }
        var texts = strangers.map { entry in
            "metadata of the \(entry.place) must be ours, got '\(printable(entry.key))' with \(entry.value.count) bytes"
        }
        // The rest was not read, so nobody knows what it says.
        if movie.metadata.count >= MP4Limits.metadata {
            texts.append("there must be fewer than \(MP4Limits.metadata) pieces of metadata")
        }
        return texts
    }

    static func mark(of movie: MP4Movie, _ provenance: Provenance) -> [String] {
        var texts: [String] = []
        let mark = MP4Metadata(marking: provenance)
        let found = movie.metadata.count { $0 == mark }
        if found != 1 { texts.append("there must be one mark of \(provenance.source.rawValue), got \(found)") }
        let comments = movie.metadata.filter { $0.key == "©cmt" }.map(\.text)
        if comments != [MP4Target.comment(provenance.source)] {
            texts.append(
                "there must be one comment, that of \(provenance.source.rawValue), got \(comments.count) or another"
            )
        }
        return texts
    }

    /// A name out of a hostile file, safe to print.
    private static func printable(_ text: String) -> String {
        let scalars = text.unicodeScalars.prefix(64)
            .map { scalar in
                (0x20...0x7E).contains(scalar.value) || scalar == "©" ? scalar : "?"
            }
        return String(String.UnicodeScalarView(scalars))
    }
}

extension MP4Metadata {
    /// Our mark of provenance as it is read.
    init(marking provenance: Provenance) {
        let name = XMPPacket.boxID.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        self.init(place: .file, key: "uuid \(name)", value: XMPPacket(provenance).bytes)
    }
}
