import ZoetropeCore

/// A frame of a picture's own shape, with what is shown in it.
enum Frame {
    /// `size` is only looked at for its shape.
    static func html(_ size: FrameSize, _ layers: HTML...) -> HTML {
        // No address and no style says how high something is for its width; an empty drawing does.
        let (width, height) = (1_600, max(1, 1_600 * size.height / max(1, size.width)))
        return """
            <div class="frame"><svg class="shape" width="\(width)" height="\(height)" viewBox="0 0 \(width) \(height)" \
            aria-hidden="true" focusable="false"></svg>\(layers)</div>
            """
    }

    /// The photo, turned upright.
    static func still(_ still: AnimationView.Still, words: String) -> HTML {
        guard let url = still.url else { return "" }
        return """
            <span class="still turn-\(still.orientation.rawValue)"><img src="\(url)" alt="\(words)" decoding="async" loading="lazy"></span>
            """
    }
}
