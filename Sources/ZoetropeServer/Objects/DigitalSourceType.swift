import ZoetropeCore

/// How a video came to be, in the words of the IPTC (https://cv.iptc.org/newscodes/digitalsourcetype/).
enum DigitalSourceType: String {
    /// A model drew the frames, also those of a real photo.
    case trainedAlgorithmicMedia
    /// Our own camera move over an image that a model made or restored.
    case compositeWithTrainedAlgorithmicMedia
    /// Our own camera move over an untouched photo.
    case algorithmicallyEnhanced

    init(isDrawnByModel: Bool, attempt: AnimationAttempt, kind: JobKind) {
        self =
            if isDrawnByModel {
                .trainedAlgorithmicMedia
            } else if attempt.restoreID != nil || kind == .scene {
                .compositeWithTrainedAlgorithmicMedia
            } else {
                .algorithmicallyEnhanced
            }
    }

    var uri: String { "http://cv.iptc.org/newscodes/digitalsourcetype/\(rawValue)" }
}
