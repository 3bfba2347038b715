import Foundation
import Hummingbird
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// Which of a visitor's animations are shown.
struct GalleryQuery: Sendable {
    /// Part of a prompt; empty for any.
    var words = ""
    var status: AnimationAttempt.Status?
    /// The alias of a model.
    var model: String?
    /// The animation behind which the page begins.
    var after: AnimationID?

    init() {}

    /// Reads an address; what is nothing that we offer is as if it were not there.
    init(_ request: Request) {
        // As a form writes them, with + for a space.
        let fields = URLEncodedFields(request.uri.query ?? "").values
        words = String((fields["q"] ?? "").prefix(200))
        status = fields["status"].flatMap { AnimationAttempt.Status(rawValue: $0) }
        model = fields["model"].flatMap { $0.isEmpty ? nil : String($0.prefix(64)) }
        after = fields["after"].flatMap { AnimationID($0) }
    }

    var isFiltering: Bool { !words.isEmpty || status != nil || model != nil }

    func takes(_ attempt: AnimationAttempt) -> Bool {
        (status == nil || attempt.status == status) && (model == nil || attempt.model == model)
            && (words.isEmpty
                || attempt.params?["prompt"]?.string?.range(of: words, options: .caseInsensitive) != nil)
    }

    /// The address of the page that begins behind an animation.
    func address(after id: AnimationID?) -> String {
        let fields = [
            words.isEmpty ? nil : "q=\(words.asQuery)", status.map { "status=\($0.rawValue)" },
            model.map { "model=\($0.asQuery)" }, id.map { "after=\($0)" },
        ]
        .compactMap(\.self)
        return fields.isEmpty ? "/#gallery" : "/?\(fields.joined(separator: "&"))#gallery"
    }
}

/// A page of a visitor's animations, newest first.
struct GalleryFind: Sendable {
    static let pageLength = 24
    /// How many animations are looked through for a page: a search that finds little ends, and offers to go on.
    private static let mostLookedAt = 1_000

    private(set) var records: [AnimationRecord] = []
    /// Behind which the next page begins; nil at the end.
    private(set) var next: AnimationID?
    /// Whether it ends before its page was full.
    private(set) var isCutShort = false

    /// Looks for the page; the first one where its beginning is not there any more.
    init(_ query: GalleryQuery, of caller: Caller, in library: AnimationLibrary) async throws {
        var place = query.after
        var lookedAt = 0
        while true {
            let page = AnimationQuery(userID: caller.userID, after: place, limit: 100)
            guard let (found, hasMore) = try await library.animations(page) else {
                // It was deleted meanwhile.
                guard place != nil else { return }
                place = nil
                continue
            }
            for record in found {
                if records.count == Self.pageLength {
                    next = records.last?.attempt.id
                    return
                }
                if query.takes(record.attempt) { records.append(record) }
            }
            lookedAt += found.count
            guard hasMore, let last = found.last else { return }
            place = last.attempt.id
            if lookedAt >= Self.mostLookedAt {
                next = place
                isCutShort = true
                return
            }
        }
    }
}

/// The visitor's animations as the page shows them.
struct Gallery: Sendable {
    let query: GalleryQuery
    let views: [AnimationView]
    let next: AnimationID?
    let isCutShort: Bool
    /// Models to filter by.
    let models: [ModelName]

    var html: HTML {
        """
        <section class="gallery" id="gallery" aria-labelledby="gallery-title">
        <div class="gallery-head"><h2 id="gallery-title">Your animations</h2>
        \(views.isEmpty && !query.isFiltering && query.after == nil ? "" : filters)</div>
        <div id="gallery-list">\(list)</div>
        \(paging)
        </section>
        """
    }

    private var list: HTML {
        guard views.isEmpty else {
            let cards: [HTML] = views.map { AnimationCard($0).html }
            return "<ul class=\"cards\">\(cards)</ul>"
        }
        if query.isFiltering {
            return """
                <p class="empty">\(isCutShort ? "Nothing that fits among the newest." : "Nothing fits.") \
                <a href="/#gallery">Show all</a></p>
                """
        }
        return query.after == nil
            ? "<p class=\"empty\">Nothing here yet. What you animate is kept here, for you alone.</p>"
            : "<p class=\"empty\">That was all. <a href=\"/#gallery\">Back to the newest</a></p>"
    }

    private var filters: HTML {
        let states: [HTML] = [("ready", "Ready"), ("pending", "In the works"), ("failed", "Failed")]
            .map { option($0, $1, isChosen: query.status?.rawValue == $0) }
        let models: [HTML] = models.map {
            option($0.alias, $0.title, isChosen: query.model == $0.alias)
        }
        return """
            <form class="filters" id="filters" method="get" action="/" role="search" aria-label="Your animations">
            <input type="search" name="q" value="\(query.words)" placeholder="Search the words" aria-label="Words" maxlength="200">
            <select name="status" aria-label="State"><option value="">All</option>\(states)</select>
            <select name="model" aria-label="Made by"><option value="">Any maker</option>\(models)</select>
            <button>Find</button>
            </form>
            """
    }

    private func option(_ value: String, _ title: String, isChosen: Bool) -> HTML {
        "<option value=\"\(value)\"\(" selected", if: isChosen)>\(title)</option>"
    }

    private var paging: HTML {
        let newest: HTML? =
            query.after == nil
            ? nil : "<a class=\"button\" href=\"\(query.address(after: nil))\">Newest</a>"
        let older: HTML? = next.map {
            "<a class=\"button\" rel=\"next\" href=\"\(query.address(after: $0))\">\(isCutShort ? "Look further back" : "Older")</a>"
        }
        return newest == nil && older == nil
            ? "" : "<nav class=\"paging\" aria-label=\"Pages\">\(newest)\(older)</nav>"
    }
}

/// An animation among others.
struct AnimationCard: Sendable {
    private let view: AnimationView

    init(_ view: AnimationView) { self.view = view }

    var html: HTML {
        """
        <li class="card card-\(view.status.rawValue)" id="card-\(view.id.description)"\(follow)>
        <a class="card-link" href="\(view.path)">
        <span class="card-picture">\(picture)</span>
        <span class="card-title">\(view.title)</span></a>
        \(facts)
        </li>
        """
    }

    private var follow: HTML? { view.status == .pending ? Following.attributes(of: view) : nil }

    private var picture: HTML {
        switch view.status {
        case .ready:
            let poster: HTML =
                view.posterURL.map { "<img src=\"\($0)\" alt=\"\" loading=\"lazy\" decoding=\"async\">" }
                ?? ""
            let video: HTML? = view.videoURL.map {
                "<span class=\"glimpse\" data-video=\"\($0)\"></span>"
            }
            return "\(poster)\(video)<span class=\"badge\">\(view.origin.label)</span>"
        case .pending:
            return """
                \(view.still.map { Frame.still($0, words: "") })<span class="slits spinning"></span>
                """
        case .failed:
            return
                "\(view.still.map { Frame.still($0, words: "") })<span class=\"badge bad\">Failed</span>"
        }
    }

    private var facts: HTML {
        switch view.status {
        case .ready:
            let seconds = view.seconds.map { "\($0) s · " } ?? ""
            return "<p class=\"card-facts\">\(seconds)\(view.model.title) · \(view.timeLeft)</p>"
        case .pending:
            return """
                \(Following.bar(view))
                <div class="card-facts">\(Following.steps(view)) <span data-elapsed="\(view.age)"></span></div>
                """
        case .failed: return "<p class=\"card-facts\">\(view.failure?.message ?? "It failed.")</p>"
        }
    }
}
