import HTTPTypes
import ZoetropeCore

/// The page to begin with: the form, and what was made with it.
struct AnimatePage: Sendable {
    let visitor: Visitor
    let form: OrderForm
    let gallery: Gallery
    /// Said above everything, such as that something was deleted.
    let notice: String?

    var page: Page {
        let notice: HTML? = notice.map { "<p class=\"notice\" role=\"status\">\($0)</p>" }
        let isWaiting = gallery.views.contains { $0.status == .pending }
        return Page(
            title: "Animate a photo",
            place: .animate,
            visitor: visitor,
            head: isWaiting && form.problem == nil ? Following.refresh : "",
            body: """
                \(notice)
                <div class="intro"><h1>Give a photo a few seconds of life</h1>
                <p>Choose a photo, choose how the camera moves, and watch.</p></div>
                \(Drawing.landscape)
                \(form.html(for: visitor))
                \(gallery.html)
                """,
            status: form.problem == nil ? .ok : .unprocessableContent
        )
    }
}
