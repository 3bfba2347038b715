/// The query of a signed URL.
struct SignedQuery {
    let expires: String
    let signature: String
    /// The client wants a file to keep and not a page to show; not part of what is signed.
    let isDownload: Bool

    /// Takes `expires=…&signature=…`, and `&download=1` after them, and nothing else: what comes twice or in another
    /// order was not made by us, and others on the way might read it otherwise.
    init?(_ query: String?) {
        let fields = query?.split(separator: "&", omittingEmptySubsequences: false) ?? []
        guard (2...3).contains(fields.count), fields[0].hasPrefix("expires="),
            fields[1].hasPrefix("signature="),
            fields.count == 2 || fields[2] == "download=1"
        else { return nil }
        expires = String(fields[0].dropFirst("expires=".count))
        signature = String(fields[1].dropFirst("signature=".count))
        isDownload = fields.count == 3
    }
}
