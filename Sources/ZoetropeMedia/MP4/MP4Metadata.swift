/// One piece of text or data that does not belong to the picture or the sound.
package struct MP4Metadata: Sendable, Hashable {
    /// Whom it speaks of.
    package enum Place: String, Sendable, CaseIterable {
        case file, movie, track
    }

    package let place: Place
    /// What it is called, in the words of the file: do not print it as it is.
    ///
    /// `©nam`, `com.apple.quicktime.make`, `uuid be7acfcb…`, or a box type; `hdlr`, `keys`, `compressorname`
    /// and `creation_time` for the fields of those names.
    package let key: String
    /// What it says, which may be private: never logged.
    ///
    /// Where it stands outside `moov`, this may be no more than its start: see ``MP4Limits``.
    package let value: [UInt8]

    package init(place: Place, key: String, value: [UInt8]) {
        self.place = place
        self.key = key
        self.value = value
    }

    package init(place: Place, key: String, text: String) {
        self.init(place: place, key: key, value: Array(text.utf8))
    }

    package var text: String { String(decoding: value, as: UTF8.self) }
}
