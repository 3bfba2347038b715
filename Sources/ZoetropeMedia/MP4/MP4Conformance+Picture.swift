/// Rules 4 to 8: what a decoder must be able to do, and how the picture is meant to look.
extension MP4Conformance {
    static func codec(_ track: MP4Track) -> [String] {
        guard track.codec == .avc1 else {
            return ["codec must be 'avc1', got '\(track.codec?.description ?? "nothing")'"]
        }
        guard let avc = track.avc else { return ["'avc1' must have an 'avcC' box, got none"] }
        var texts: [String] = []
        if track.sampleEntryCount != 1 { texts.append("there must be 1 sample entry, got \(track.sampleEntryCount)") }
        if avc.lengthSize == 3 { texts.append("the length of a unit must have 1, 2 or 4 bytes, got 3") }
        if avc.sequenceParameterSetCount != 1 {
            texts.append("there must be 1 sequence parameter set, got \(avc.sequenceParameterSetCount)")
        }
        if avc.pictureParameterSetCount < 1 { texts.append("there must be a picture parameter set, got none") }
        return texts
    }

    static func profile(_ track: MP4Track) -> [String] {
        guard let avc = track.avc, let set = avc.sequenceParameterSet else { return [] }
        var texts: [String] = []
        if set.acceptedProfile == nil {
            texts.append("profile must be Constrained Baseline, Main or High (66, 77, 100), got \(set.profile)")
        }
        if !MP4Target.levels.contains(set.level) {
            texts.append("level must be one of 1 to 4.2, got \(decimalLevel(set.level))")
        }
        if avc.profile != set.profile || avc.level != set.level {
            let found = "\(avc.profile) at \(decimalLevel(avc.level))"
            texts.append("'avcC' must repeat profile \(set.profile) at \(decimalLevel(set.level)), got \(found)")
        }
        return texts
    }

    private static func decimalLevel(_ level: Int) -> String { "\(level / 10).\(level % 10)" }

    static func pixels(_ track: MP4Track) -> [String] {
        guard let set = track.avc?.sequenceParameterSet else { return [] }
        var texts: [String] = []
        if set.chromaFormat != MP4Target.chromaFormat {
            let names = ["4:0:0", "4:2:0", "4:2:2", "4:4:4"]
            texts.append("chroma must be 4:2:0, got \(names[set.chromaFormat])")
        }
        if set.lumaBitDepth != MP4Target.bitDepth || set.chromaBitDepth != MP4Target.bitDepth {
            texts.append("bit depth must be 8, got \(set.lumaBitDepth) and \(set.chromaBitDepth)")
        }
        if !set.isFrameOnly { texts.append("pictures must be progressive, got pictures that may be made of fields") }
        if let fields = track.fieldCount, fields != 1 { texts.append("'fiel' must say 1 field, got \(fields)") }
        return texts
    }

    static func size(_ track: MP4Track, in movie: MP4Movie) -> [String] {
        var texts: [String] = []
        let (width, height) = (track.width, track.height)
        if width % 2 != 0 || height % 2 != 0 { texts.append("both sides must be even, got \(width)×\(height)") }
        if min(width, height) < MP4Target.minSide {
            texts.append("both sides must be at least \(MP4Target.minSide), got \(width)×\(height)")
        }
        if width * height > MP4Target.maxPixels {
            texts.append("there must be at most \(MP4Target.maxPixels) pixels, got \(width)×\(height)")
        }
        if let set = track.avc?.sequenceParameterSet, (set.width, set.height) != (width, height) {
            texts.append("the pictures must be \(width)×\(height) as the track says, got \(set.width)×\(set.height)")
        }
        if track.displayWidth != UInt32(width) << 16 || track.displayHeight != UInt32(height) << 16 {
            let found =
                "\((Double(track.displayWidth) / 65_536).rounded3)×\((Double(track.displayHeight) / 65_536).rounded3)"
            texts.append("the track must be shown as \(width)×\(height), got \(found)")
        }
        for ratio in [track.pixelAspectRatio, track.avc?.sequenceParameterSet?.sampleAspectRatio] {
            guard let ratio, ratio.horizontal != ratio.vertical else { continue }
            texts.append("pixels must be square, got \(ratio.horizontal):\(ratio.vertical)")
        }
        for matrix in [movie.matrix, track.matrix] where !matrix.isIdentity {
            let turn = matrix.rotation.map { "\($0)° and perhaps a shift" } ?? "a flip, a scale or another angle"
            texts.append("the display matrix must be the identity, got \(turn)")
        }
        return texts
    }

    static func colour(_ track: MP4Track) -> [String] {
        guard let set = track.avc?.sequenceParameterSet else { return [] }
        var texts: [String] = []
        switch set.isFullRange {
        case nil: texts.append("range must be tagged as tv, got no tag")
        case true: texts.append("range must be tv, got full range")
        default: break
        }
        switch set.colour {
        case nil: texts.append("colour must be tagged as BT.709 (1/1/1), got no tag")
        case let colour? where !MP4Target.colours.contains(colour):
            texts.append("colour must be BT.709 (1/1/1) or 170M (6/6/6), got \(colour)")
        default: break
        }
        guard let box = track.colour else { return texts }
        if box.type != .nclx {
            texts.append("'colr' must be of type nclx, got '\(box.type)'")
        } else if box.colour != set.colour || box.isFullRange != set.isFullRange {
            texts.append("'colr' must agree with the pictures, got \(box.colour?.description ?? "nothing")")
        }
        return texts
    }
}

extension SequenceParameterSet {
    /// The profile, or `nil` when it is none that we accept.
    ///
    /// Baseline counts only where it is constrained: the tools that are left out there are those that browsers lack.
    package var acceptedProfile: MP4Target.Profile? {
        switch profile {
        case 66: constraintFlags & 0x40 != 0 ? .constrainedBaseline : nil
        case 77: .main
        case 100: .high
        default: nil
        }
    }
}
