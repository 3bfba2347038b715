import Foundation
import ZoetropeCore
import ZoetropeWorkflow

extension Motion {
    /// As people are shown it.
    var title: String {
        switch self {
        case .walkForward: "Walk forward"
        case .pushIn: "Push in"
        case .pullBack: "Pull back"
        case .panLeft: "Pan left"
        case .panRight: "Pan right"
        case .still: "Stay still"
        }
    }
}

extension Camera {
    var title: String {
        switch self {
        case .mildPan: "Gentle drift"
        case .static: "On a tripod"
        case .handheld: "In the hand"
        }
    }
}

/// What a model is called where people choose one.
struct ModelName: Sendable, Hashable {
    let alias: String
    let title: String
    let about: String

    init(_ model: VideoModel) {
        alias = model.alias
        let own = Self.known[model.alias]
        title = own?.title ?? (model.name.split(separator: "/").last.map { String($0) } ?? model.alias)
        about = own?.about ?? "Draws new frames with \(model.name.isEmpty ? model.alias : model.name)."
    }

    /// The name of a model that may not be offered any more.
    init(alias: String?) {
        self.alias = alias ?? ""
        title = alias.map { Self.known[$0]?.title ?? $0 } ?? "Unknown"
        about = ""
    }

    private static let known: [String: (title: String, about: String)] = [
        VideoModel.local.alias: (
            "Camera only", "Moves a camera through your photo. Made here, free, no AI."
        ),
        "replicate_video_01_live": (
            "Video-01 Live", "Brings the scene to life by itself; words are optional."
        ),
        "replicate_wan": ("Wan 2.5", "Follows your words closely."),
    ]
}

/// How a video came to be, in words that match what its file says of itself.
enum MediaOrigin: Sendable {
    case drawnByModel
    case partlyByModel
    case computed

    /// `uri` is a term of https://cv.iptc.org/newscodes/digitalsourcetype/.
    init(uri: String) {
        self =
            switch uri.split(separator: "/").last {
            case "trainedAlgorithmicMedia": .drawnByModel
            case "algorithmicallyEnhanced": .computed
            default: .partlyByModel
            }
    }

    var label: String {
        switch self {
        case .drawnByModel: "AI-generated"
        case .partlyByModel: "Contains AI"
        case .computed: "No AI added"
        }
    }

    var explanation: String {
        switch self {
        case .drawnByModel:
            "A model drew these frames. The file says so, too (IPTC: trained algorithmic media)."
        case .partlyByModel:
            "A computed camera move over an image that AI made or restored. The file says so, too (IPTC: composite with trained algorithmic media)."
        case .computed:
            "A computed camera move over your photo, without AI. The file says so, too (IPTC: algorithmically enhanced)."
        }
    }
}

/// The steps of an animation, as a person follows them.
enum Stage: String, CaseIterable, Sendable {
    case queued
    case submitting
    case generating
    case finishing

    var title: String {
        switch self {
        case .queued: "Waiting for its turn"
        case .submitting: "Setting up"
        case .generating: "Drawing the frames"
        case .finishing: "Finishing the film"
        }
    }
}

extension Date {
    /// `<time>`, which our script writes in the reader's own zone.
    ///
    /// `form` is `day` or `minute`.
    func html(_ form: String) -> HTML {
        let text = rfc3339
        let shown =
            form == "day"
            ? String(text.prefix(10)) : "\(text.prefix(10)) \(text.dropFirst(11).prefix(5)) UTC"
        return "<time datetime=\"\(text)\" data-show=\"\(form)\">\(shown)</time>"
    }
}
