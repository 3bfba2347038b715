import ZoetropeCore

/// What is drawn in the pages themselves.
enum Drawing {
    /// The service's mark: a drum with slits on its stand.
    static let drum: HTML = """
        <svg class="drum" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true" focusable="false">\
        <path class="drum-wall" d="M4 8v9c0 2.8 5.4 5 12 5s12-2.2 12-5V8"/>\
        <ellipse class="drum-rim" cx="16" cy="8" rx="12" ry="4.6"/>\
        <path class="drum-slit" d="M7.6 13.6v3.4M11.6 14.8v3.6M16 15.2v3.6M20.4 14.8v3.6M24.4 13.6v3.4"/>\
        <path class="drum-stand" d="M16 22v5M10 28h12"/></svg>
        """

    /// The landscape that ``miniature(of:)`` and ``miniature(held:)`` move in; once in a page that has them.
    static let landscape: HTML = """
        <svg class="unseen" aria-hidden="true" focusable="false"><defs>\
        <g id="far"><rect class="sky" x="-24" y="-20" width="144" height="100"/><circle class="sun" cx="66" cy="18" r="7"/>\
        <path class="hill-3" d="M-24 40 8 22l16 12 18-16 26 20 20-10 32 16v36H-24z"/></g>\
        <g id="near"><path class="hill-2" d="M-24 44c24-10 44-8 64-2s52 4 80-4v42H-24z"/>\
        <path class="hill-1" d="M-24 54c30-8 50-6 72-2s50 2 72-3v31H-24z"/>\
        <path class="road" d="M46 44c3 6-8 12-14 22h28c0-10-9-14-11-22z"/>\
        <path class="tree" d="M20 56V42m-6 4 6-14 6 14z"/></g></defs></svg>
        """

    /// What a motion does to the landscape, and a sign of it for where nothing may move.
    static func miniature(of motion: Motion) -> HTML {
        let sign: HTML =
            switch motion {
            case .walkForward: "M80 53v-8m-4 4 4-4 4 4M80 46"
            case .pushIn:
                "M75 43l3 3m0-2.5v2.5h-2.5M85 43l-3 3m0-2.5v2.5h2.5M75 53l3-3m0 2.5v-2.5h-2.5M85 53l-3-3m0 2.5v-2.5h2.5"
            case .pullBack:
                "M78.5 46.5 75.5 43.5m0 2.5v-2.5h2.5M81.5 46.5l3-3m0 2.5v-2.5h-2.5M78.5 49.5l-3 3m0-2.5v2.5h2.5M81.5 49.5l3 3m0-2.5v2.5h-2.5"
            case .panLeft: "M85 48H75m4-4-4 4 4 4"
            case .panRight: "M75 48h10m-4-4 4 4-4 4"
            case .still: "M77 44.5v7M83 44.5v7"
            }
        return miniature("move-\(motion.rawValue)", sign)
    }

    static func miniature(held camera: Camera) -> HTML {
        let sign: HTML =
            switch camera {
            case .mildPan: "M74.5 48h11m-3-3 3 3-3 3M77.5 45l-3 3 3 3"
            case .static: "M80 44v8M80 46l-4 6.5M80 46l4 6.5M77.5 44h5"
            case .handheld: "M74 49c1.5-4 3-4 4 0s2.5 4 4 0 2.5-4 4 0"
            }
        return miniature("held-\(camera.rawValue)", sign)
    }

    private static func miniature(_ kind: String, _ sign: HTML) -> HTML {
        """
        <svg class="miniature \(kind)" viewBox="0 0 96 60" aria-hidden="true" focusable="false">\
        <g class="layer-far"><use href="#far"/></g><g class="layer-near"><use href="#near"/></g>\
        <circle class="mark-sheet" cx="80" cy="48" r="9"/><path class="mark-line" d="\(sign)"/></svg>
        """
    }
}
