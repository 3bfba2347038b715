import Foundation
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// What pages show of an animation.
struct AnimationView: Sendable {
    /// The photo that it is made from, as it lies in the store.
    struct Still: Sendable {
        let url: String?
        let orientation: ImageOrientation
    }

    let id: AnimationID
    let jobID: JobID
    let status: AnimationAttempt.Status
    let step: RunState
    let percent: Int
    let prompt: String?
    let model: ModelName
    let motion: Motion?
    let camera: Camera?
    let resolution: String?
    let seconds: Int?
    let cost: MicroUSD
    /// Of the video, or of the photo as long as there is none.
    let size: FrameSize
    let origin: MediaOrigin
    let createdAt: Date
    let expiresAt: Date
    let now: Date
    let posterURL: String?
    let videoURL: String?
    let hasHD: Bool
    let failure: (code: String, message: String)?
    let still: Still?

    /// Makes the view of a record; `source` is the image that it was made from, where that matters.
    init(_ record: AnimationRecord, source: SourceImage?, objects: ObjectWriter) {
        let attempt = record.attempt
        let object = objects.object(record)
        let params = object["params"]
        let now = objects.now()
        let expiry = objects.expiry(of: attempt)
        let isReady = attempt.status == .ready
        id = attempt.id
        jobID = attempt.jobID
        status = attempt.status
        step = record.run?.state ?? (attempt.status == .pending ? .queued : .done)
        percent = objects.percent(of: record)
        prompt = params?["prompt"]?.string
        model = ModelName(alias: attempt.model)
        motion = (params?["motion"]?.string ?? Motion.standard.rawValue).asMotion
        camera = (params?["camera"]?.string ?? Camera.standard.rawValue).asCamera
        resolution = params?["resolution"]?.string
        seconds = (params?["seconds"]?.integer ?? params?["duration"]?.integer).map(Int.init)
        cost = record.run?.cost ?? .zero
        size = Self.size(params) ?? source?.size ?? FrameSize(width: 16, height: 9)
        origin = MediaOrigin(uri: object["digital_source_type"]?.string ?? "")
        createdAt = attempt.createdAt
        expiresAt = expiry
        self.now = now
        posterURL = isReady ? objects.pageURL(of: attempt.thumbS3Key, until: expiry) : nil
        videoURL = isReady ? objects.pageURL(of: attempt.previewS3Key, until: expiry) : nil
        hasHD = isReady && attempt.resultS3Key != nil
        failure = object["error"]?["message"]?.string
            .map { (object["error"]?["code"]?.string ?? FailureCode.internal.rawValue, $0) }
        still = source.map {
            Still(
                url: objects.pageURL(of: $0.key.description, until: expiry),
                orientation: $0.orientation
            )
        }
    }

    private static func size(_ params: JSONValue?) -> FrameSize? {
        guard let width = params?["width"]?.integer, let height = params?["height"]?.integer, width > 0,
            height > 0
        else {
            return nil
        }
        return FrameSize(width: Int(width), height: Int(height))
    }

    /// What it is called: the words of its prompt, or what the camera does.
    var title: String {
        if let prompt, !prompt.isEmpty {
            let line = prompt.replacing("\n", with: " ")
            return line.count > 60 ? "\(line.prefix(58).trimmingCharacters(in: .whitespaces))…" : line
        }
        return [motion?.title, camera.map { $0.title.lowercased() }].compactMap(\.self)
            .joined(
                separator: ", "
            )
    }

    /// Whole seconds since it was begun.
    var age: Int { max(0, Int(now.timeIntervalSince(createdAt))) }

    var path: String { "/animations/\(id)" }

    /// How long it is still kept, in words.
    var timeLeft: String {
        let days = Int((expiresAt.timeIntervalSince(now) / 86_400).rounded(.up))
        return days < 2 ? "last day" : "\(days) days left"
    }
}

extension String {
    fileprivate var asMotion: Motion? { Motion(rawValue: self) }
    fileprivate var asCamera: Camera? { Camera(rawValue: self) }
}
