/// How a video came to be, as the API and the published file say it.
package struct Provenance: Sendable, Equatable {
    package let source: DigitalSourceType
    /// Who made the pictures, such as "minimax/video-01-live"; nil for the local renderer and where nobody knows.
    package let system: String?

    package init(source: DigitalSourceType, system: String?) {
        self.source = source
        self.system = system
    }
}

/// How a video came to be, in the words of the IPTC (https://cv.iptc.org/newscodes/digitalsourcetype/).
package enum DigitalSourceType: String, Sendable, CaseIterable {
    /// A model drew the frames, also those of a real photo.
    case trainedAlgorithmicMedia
    /// Our own camera move over an image that a model made or restored.
    case compositeWithTrainedAlgorithmicMedia
    /// Our own camera move over an untouched photo.
    case algorithmicallyEnhanced

    /// The one rule, for what the API says and for what is written into the file.
    ///
    /// - Parameters:
    ///   - provider: Who made the frames; nil when it is not known, which is taken for a model.
    ///   - restoreID: The restored version that was animated, if it was one.
    ///   - kind: What the job's image is.
    package init(provider: VideoModel.Provider?, restoreID: RestoreID?, kind: JobKind) {
        self =
            if provider != .local {
                .trainedAlgorithmicMedia
            } else if restoreID != nil || kind == .scene {
                .compositeWithTrainedAlgorithmicMedia
            } else {
                .algorithmicallyEnhanced
            }
    }

    /// Reads ``uri``, with `http` or `https`; nil for what is none of these.
    package init?(uri: some StringProtocol) {
        for scheme in ["http", "https"] where uri.hasPrefix(scheme + Self.vocabulary) {
            self.init(rawValue: String(uri.dropFirst(scheme.count + Self.vocabulary.count)))
            return
        }
        return nil
    }

    private static let vocabulary = "://cv.iptc.org/newscodes/digitalsourcetype/"

    package var uri: String { "http\(Self.vocabulary)\(rawValue)" }

    /// Whether a model drew the frames.
    package var isDrawnByModel: Bool { self == .trainedAlgorithmicMedia }

    /// What it means, for people: a sentence with its full stop.
    package var sentence: String {
        switch self {
        case .trainedAlgorithmicMedia:
            "An AI model drew the frames of this video."
        case .compositeWithTrainedAlgorithmicMedia:
            "A camera move was computed, without AI, over an image that an AI model made or restored."
        case .algorithmicallyEnhanced:
            "A camera move was computed over a photo; no AI model was used."
        }
    }
}
