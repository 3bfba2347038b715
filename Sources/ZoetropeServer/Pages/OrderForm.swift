import Foundation
import ZoetropeCore
import ZoetropeWorkflow

/// The form with which an animation is ordered, as it is shown: empty, from an earlier animation, or as it was sent.
struct OrderForm: Sendable {
    /// An image that was uploaded before.
    struct Photo: Sendable {
        let job: JobID
        let restore: RestoreID?
        let still: AnimationView.Still
        let size: FrameSize
    }

    var photo: Photo?
    var prompt = ""
    var model: String?
    var motion = Motion.standard
    var camera = Camera.standard
    var resolution: String?
    var seconds: Int?
    /// Why it was not taken.
    var problem: String?

    /// What is offered, the usual model first.
    let models: [VideoModel]
    let tier: Tier
    /// Another for each time that the form is shown: by it one that is sent twice is told from two.
    let key: String

    var chosen: VideoModel? { models.first { $0.alias == model } ?? models.first }

    func html(for visitor: Visitor) -> HTML {
        """
        <div class="notice bad" id="order-problem" role="alert"\(" hidden", if: problem == nil)>\(problem ?? "")</div>
        <form id="order" class="order" method="post" action="/animations" enctype="multipart/form-data">
        \(visitor.tokenField)
        <input type="hidden" name="key" value="\(key)">
        <div class="order-photo">\(photoField)</div>
        <div class="order-fields">
        \(promptField)
        \(modelField)
        \(motionField)
        \(cameraField)
        \(qualityFields)
        </div>
        <div class="order-end">
        <p class="price"><span id="price-label">Price</span> <output id="price" for="order">\(price)</output></p>
        <p class="upload" id="upload" hidden><label for="upload-bar">Sending the photo</label>
        <progress id="upload-bar" max="100" value="0"></progress></p>
        <button class="go" id="animate">Animate</button>
        </div>
        </form>
        """
    }

    private var price: String {
        guard let chosen else { return "" }
        let resolution = resolution.flatMap { Resolution(rawValue: $0) } ?? chosen.standardResolution
        return Money.text(chosen.price(resolution: resolution, seconds: seconds ?? chosen.durations[0]))
    }

    // MARK: Photo

    private var photoField: HTML {
        """
        <div class="drop" id="drop"\(" data-has-photo", if: photo != nil)>
        <div class="slits" aria-hidden="true"></div>
        <div class="drop-view" id="drop-view">\(photo.map { held($0) })</div>
        <div class="drop-ask">
        <label class="button go" for="image" id="image-label">\(photo == nil ? "Choose a photo" : "Use another photo")</label>
        <input class="file" type="file" id="image" name="image" accept="image/jpeg,image/png,image/webp" \
        aria-describedby="image-hint">
        <label class="button" for="shot" id="shot-label" hidden>Take a photo</label>
        <input class="file" type="file" id="shot" accept="image/*" capture="environment" hidden>
        <p class="hint" id="image-hint"><span class="with-mouse">Or drop it here, or paste it. </span>JPEG, PNG or WebP, \
        up to 25 MB.</p>
        </div>
        <div class="slits" aria-hidden="true"></div>
        </div>
        """
    }

    private func held(_ photo: Photo) -> HTML {
        let restore: HTML? = photo.restore.map {
            "<input type=\"hidden\" name=\"restore\" value=\"\($0.description)\">"
        }
        return """
            <input type="hidden" name="job" value="\(photo.job.description)">\(restore)\
            \(Frame.html(photo.size, Frame.still(photo.still, words: "The photo of the earlier animation")))
            """
    }

    // MARK: Words

    private static let ideas = [
        "Gentle wind, living light", "Water moves, reflections shimmer",
        "They breathe, blink and smile softly",
        "Clouds drift, leaves stir",
    ]

    private var promptField: HTML {
        let ideas: [HTML] = Self.ideas.map {
            "<li><button type=\"button\" class=\"idea\">\($0)</button></li>"
        }
        let most = AnimationRequest.maxPromptCodePoints
        return """
            <div class="field">
            <div class="field-head"><label for="prompt">What should happen?</label>
            <span class="count" id="count" hidden><span id="count-now">0</span> of \(most)</span></div>
            <textarea id="prompt" name="prompt" rows="3" data-most="\(most)" aria-describedby="prompt-hint">\(prompt)</textarea>
            <p class="hint" id="prompt-hint">\(Self.hint(chosen))</p>
            <ul class="ideas" id="ideas" aria-label="Ideas" hidden>\(ideas)</ul>
            </div>
            """
    }

    private static func hint(_ model: VideoModel?) -> String {
        guard let model else { return "" }
        if model.provider == .local {
            return "Optional here: a few words to find it by. The picture does not follow them."
        }
        return model.requiresPrompt
            ? "A sentence or two; this model needs them." : "Optional: a sentence or two."
    }

    // MARK: Camera

    private var motionField: HTML {
        let tiles: [HTML] = Motion.allCases.map {
            tile("motion", $0.rawValue, $0.title, Drawing.miniature(of: $0), isChosen: $0 == motion)
        }
        return "<fieldset class=\"tiles\"><legend>Where the camera goes</legend>\(tiles)</fieldset>"
    }

    private var cameraField: HTML {
        let tiles: [HTML] = Camera.allCases.map {
            tile("camera", $0.rawValue, $0.title, Drawing.miniature(held: $0), isChosen: $0 == camera)
        }
        return "<fieldset class=\"tiles\"><legend>How it is held</legend>\(tiles)</fieldset>"
    }

    private func tile(
        _ name: String,
        _ value: String,
        _ title: String,
        _ picture: HTML,
        isChosen: Bool
    ) -> HTML {
        """
        <label class="tile"><input type="radio" name="\(name)" value="\(value)"\(" checked", if: isChosen)>\
        \(picture)<span>\(title)</span></label>
        """
    }

    // MARK: Model and quality

    private var modelField: HTML {
        let rows: [HTML] = models.map { row($0) }
        // One that is the only one is no choice, but our script reads its limits and prices.
        return """
            <fieldset class="models"\(" hidden", if: models.count < 2)><legend>Made by</legend>\(rows)</fieldset>
            """
    }

    private func row(_ model: VideoModel) -> HTML {
        let name = ModelName(model)
        let prices = (model.durations + model.paidDurations)
            .flatMap { seconds in
                model.resolutions.map { resolution in
                    "\(resolution.rawValue)/\(seconds)=\(Money.text(model.price(resolution: resolution, seconds: seconds)))"
                }
            }
        return """
            <label class="model"><input type="radio" name="model" value="\(model.alias)"\
            \(" checked", if: model.alias == chosen?.alias) \
            data-durations="\(model.durations.map { String($0) }.joined(separator: " "))" \
            data-paid="\(model.paidDurations.map { String($0) }.joined(separator: " "))" \
            data-resolutions="\(model.resolutions.map(\.rawValue).joined(separator: " "))" \
            data-usual="\(model.standardResolution.rawValue)" data-hint="\(Self.hint(model))"\
            \(" data-needs-prompt", if: model.requiresPrompt) data-prices="\(prices.joined(separator: ";"))">
            <span><strong>\(name.title)</strong> \(name.about)</span><span class="model-price">\(Money.range(of: model))</span></label>
            """
    }

    private var qualityFields: HTML {
        let resolutions: [HTML] = Resolution.allCases.map { value in
            choice(
                "resolution",
                value.rawValue,
                "\(value.rawValue)",
                isChosen: value.rawValue == resolution
            )
        }
        let all = Set(models.flatMap { $0.durations + $0.paidDurations }).sorted()
        let free = Set(models.flatMap(\.durations))
        let durations: [HTML] = all.map { value in
            choice(
                "duration",
                String(value),
                "\(value) s",
                isChosen: value == seconds,
                isOff: tier == .free && !free.contains(value)
            )
        }
        let paid = all.filter { !free.contains($0) }
        let reason = paid.first.map {
            RequestError.Problem(field: "duration", rule: .paidPlan(seconds: $0)).message + "."
        }
        return """
            <div class="quality">
            <fieldset class="choices"><legend>Sharpness</legend>
            <div>\(choice("resolution", "", "Usual", isChosen: resolution == nil, isAutomatic: true))\(resolutions)</div>
            <p class="hint" id="resolution-hint"></p></fieldset>
            <fieldset class="choices"><legend>Length</legend>
            <div>\(choice("duration", "", "Usual", isChosen: seconds == nil, isAutomatic: true))\(durations)</div>
            <p class="hint">\(tier == .free ? reason ?? "" : "")</p></fieldset>
            </div>
            """
    }

    private func choice(
        _ name: String,
        _ value: String,
        _ title: String,
        isChosen: Bool,
        isOff: Bool = false,
        isAutomatic: Bool = false
    ) -> HTML {
        """
        <label class="choice"\(" data-automatic", if: isAutomatic)><input type="radio" name="\(name)" value="\(value)"\
        \(" checked", if: isChosen)\(" disabled data-never", if: isOff)><span>\(title)</span></label>
        """
    }
}

/// Prices in words.
enum Money {
    static func text(_ price: MicroUSD) -> String { price == .zero ? "Free" : "$\(price)" }

    /// The least and the most that a model takes.
    static func range(of model: VideoModel) -> String {
        let prices = (model.durations + model.paidDurations)
            .flatMap { seconds in model.resolutions.map { model.price(resolution: $0, seconds: seconds) }
            }
        guard let least = prices.min(), let most = prices.max() else { return "" }
        return least == most ? text(least) : "$\(least) to $\(most)"
    }
}
