extension World {
    /// The name that the client gave to an attempt: the query item `attempt` or `a` of the webhook's URL, else of an input's
    /// URL, else `attempt` in the metadata of an uploaded file that an input names.
    func tag(of call: Call) -> String? {
        guard let body = call.object else { return nil }
        if let tag = body["webhook"]?.string.flatMap(Self.tag(inURL:)) { return tag }
        let inputs = (body["input"]?.object ?? JSONObject()).members.compactMap { $0.value.string }
        for text in inputs where !text.hasPrefix("data:") {
            if let tag = Self.tag(inURL: text) { return tag }
        }
        for text in inputs where !text.hasPrefix("data:") {
            if let tag = Self.fileID(inURL: text).flatMap({ files[$0]?.metadata["attempt"] }) {
                return tag.string ?? tag.text
            }
        }
        return nil
    }

    private static func tag(inURL url: String) -> String? {
        guard url.utf8.count <= 8192 else { return nil }
        let items = RequestTarget.query(ofURL: url)
        return items.first { $0.name == "attempt" }?.value ?? items.first { $0.name == "a" }?.value
    }

    /// The id in a URL like `http://host/v1/files/<id>`, also with `/download`.
    static func fileID(inURL url: String) -> String? {
        guard let range = url.range(of: "/v1/files/"), url.hasPrefix("http") else { return nil }
        let id = url[range.upperBound...].prefix { !"/?#".contains($0) }
        return id.isEmpty ? nil : RequestTarget.decoded(id, plusIsSpace: false)
    }
}

extension String {
    /// Where a text first occurs.
    fileprivate func range(of text: String) -> Range<Index>? {
        let wanted = Array(text.utf8)
        var start = startIndex
        while let found = self[start...].utf8.firstIndex(of: wanted[0]) {
            if self[found...].utf8.starts(with: wanted) {
                return found..<utf8.index(found, offsetBy: wanted.count)
            }
            start = utf8.index(after: found)
        }
        return nil
    }
}
