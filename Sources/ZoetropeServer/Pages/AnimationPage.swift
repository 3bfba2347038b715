import Foundation
import ZoetropeCore
import ZoetropeWorkflow

/// One animation: how far it is, the video, or why there is none.
struct AnimationPage: Sendable {
    let view: AnimationView
    let visitor: Visitor
    /// A whole address of the video that anybody can open, and when it ends.
    let share: (url: String, until: Date)?
    /// What the same would cost once more; nil where its model is not offered any more.
    let price: MicroUSD?
    let estimate: String
    /// See ``OrderForm/key``.
    let key: String
    /// Whether the photo goes with the animation.
    let isLastOfPhoto: Bool

    var page: Page {
        let isPending = view.status == .pending
        let mood: String =
            switch view.status {
            case .pending: "In the works"
            case .ready: "Ready"
            case .failed: "Failed"
            }
        return Page(
            title: "\(mood): \(view.title)",
            visitor: visitor,
            head: isPending ? Following.refresh : "",
            body: """
                <article class="show" id="show" data-status="\(view.status.rawValue)"\(isPending ? Following.attributes(of: view) : "")>
                <p class="crumb"><a href="/#gallery">All animations</a></p>
                <div class="show-stage" id="stage">\(stage)</div>
                <div class="show-side">
                <h1 id="show-title" tabindex="-1">\(view.title)</h1>
                \(state)
                \(facts)
                </div>
                \(isPending ? "" : dialog)
                </article>
                """
        )
    }

    // MARK: Picture

    private var stage: HTML {
        switch view.status {
        case .pending:
            return Frame.html(
                view.size,
                still("The photo that is being animated"),
                "<span class=\"slits spinning\"></span>"
            )
        case .ready:
            let poster: HTML? = view.posterURL.map { " poster=\"\($0)\"" }
            let video: HTML = """
                <video id="video" src="\(view.videoURL ?? "")"\(poster) controls muted playsinline loop preload="metadata" \
                aria-label="\(view.title)"></video>
                """
            let compare: HTML = """
                <div class="compare" id="compare" hidden>\(still("The photo"))<span class="compare-edge"></span>\
                <input type="range" id="split" min="0" max="100" value="50" step="1" \
                aria-label="How much of the photo covers the video" aria-valuetext="50 percent photo"></div>
                """
            let badge: HTML = "<span class=\"badge\">\(view.origin.label)</span>"
            return Frame.html(view.size, video, compare, badge)
        case .failed:
            return Frame.html(view.size, still("The photo"), "<span class=\"badge bad\">Failed</span>")
        }
    }

    private func still(_ words: String) -> HTML {
        view.still.map { Frame.still($0, words: words) } ?? ""
    }

    // MARK: State

    private var state: HTML {
        switch view.status {
        case .pending: pending
        case .ready: ready
        case .failed: failed
        }
    }

    private var pending: HTML {
        """
        <div class="working">
        \(Following.bar(view))
        \(Following.steps(view))
        <p class="hint">\(estimate)<span data-elapsed="\(view.age)" data-before="; " data-after=" so far"></span>. \
        You may leave; it goes on without you.</p>
        <div class="actions"><a class="button" href="/">Animate another</a>
        <form method="post" action="\(view.path)/cancel">\(visitor.tokenField)<button>Cancel</button></form></div>
        </div>
        """
    }

    private var ready: HTML {
        let hd: HTML? =
            view.hasHD
            ? "<a class=\"button\" href=\"\(view.path)/download?file=hd\" download>Full size</a>" : nil
        return """
            <div class="actions">
            <a class="button go" href="\(view.path)/download" download>Download</a>\(hd)
            <button type="button" id="compare-switch" aria-pressed="false" aria-controls="compare" hidden>Compare with the photo</button>
            <a class="button" href="/?again=\(view.id.description)#order">Make another</a>
            <a class="button" id="delete" href="\(view.path)/delete">Delete</a>
            </div>
            \(share.map { sharing($0.url, until: $0.until) })
            """
    }

    private func sharing(_ url: String, until: Date) -> HTML {
        """
        <details class="share" id="share" data-until="\(until.rfc3339)"><summary>Share a link</summary>
        <p><label for="share-link">Anybody with this link can watch it until \(until.html("minute")).</label></p>
        <p class="share-row"><input id="share-link" readonly value="\(url)">
        <button type="button" id="copy" hidden>Copy</button><button type="button" id="send" hidden>Send</button></p>
        </details>
        """
    }

    private var failed: HTML {
        let message = view.failure?.message ?? "The animation failed."
        let again: HTML? = price.map { price in
            let cost = price == .zero ? "" : " for \(Money.text(price))"
            return """
                <form method="post" action="\(view.path)/retry">\(visitor.tokenField)
                <input type="hidden" name="key" value="\(key)"><button class="go">Try again\(cost)</button></form>
                """
        }
        return """
            <div class="notice bad"><p>\(message)</p></div>
            <div class="actions">\(again)
            <a class="button" href="/?again=\(view.id.description)#order">Change something</a>
            <a class="button" id="delete" href="\(view.path)/delete">Delete</a></div>
            """
    }

    // MARK: Facts

    private var facts: HTML {
        let camera = [view.motion?.title, view.camera?.title].compactMap(\.self).joined(separator: ", ")
        let length = view.seconds.map { "\($0) s" } ?? ""
        let quality = [length, view.resolution ?? ""].filter { !$0.isEmpty }.joined(separator: ", ")
        let cost: HTML? =
            view.status == .pending
            ? nil : fact("Cost", "\(view.status == .failed && view.cost == .zero ? "Nothing" : Money.text(view.cost))")
        let origin: HTML? =
            view.status != .ready
            ? nil : fact("Label", "<strong>\(view.origin.label)</strong>. \(view.origin.explanation)")
        return """
            <dl class="facts">
            \(view.prompt.map { fact("Words", "\($0)") })
            \(fact("Camera", "\(camera)"))
            \(fact("Made by", "\(view.model.title)"))
            \(fact("Film", "\(quality)"))
            \(cost)
            \(origin)
            \(fact("Begun", view.createdAt.html("minute")))
            \(fact("Kept until", "\(view.expiresAt.html("day")) (\(view.timeLeft))"))
            </dl>
            """
    }

    private func fact(_ name: String, _ value: HTML) -> HTML {
        "<div><dt>\(name)</dt><dd>\(value)</dd></div>"
    }

    // MARK: Deleting

    private var question: HTML {
        isLastOfPhoto
            ? "The animation and the photo are deleted. Links that you shared stop working. This cannot be undone."
            : "The animation is deleted; the photo stays, because something else was made of it. This cannot be undone."
    }

    private func deleteForm(no: HTML) -> HTML {
        """
        <form method="post" action="\(view.path)/delete">\(visitor.tokenField)
        <p class="actions"><button class="danger">Delete</button>\(no)</p></form>
        """
    }

    private var dialog: HTML {
        """
        <dialog id="delete-dialog" aria-labelledby="delete-title"><h2 id="delete-title">Delete this animation?</h2>
        <p>\(question)</p>
        \(deleteForm(no: "<button type=\"button\" id=\"delete-not\">Keep it</button>"))</dialog>
        """
    }

    /// Asks on a page of its own, where there is no script for the dialog.
    var deletePage: Page {
        Page(
            title: "Delete: \(view.title)",
            visitor: visitor,
            body: """
                <section class="sheet"><h1>Delete this animation?</h1>
                <p><strong>\(view.title)</strong></p>
                <p>\(question)</p>
                \(deleteForm(no: "<a class=\"button\" href=\"\(view.path)\">Keep it</a>"))
                </section>
                """
        )
    }
}
