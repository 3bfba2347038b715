extension String {
    /// This text as it is kept for operators: at most 2,000 characters and 8,000 bytes, without NUL, which databases refuse.
    var asDetail: String {
        var text = ""
        for character in prefix(2_000) {
            guard text.utf8.count + character.utf8.count <= 8_000 else { break }
            text.append(character)
        }
        return text.contains("\u{0}") ? text.replacing("\u{0}", with: "\u{FFFD}") : text
    }
}
