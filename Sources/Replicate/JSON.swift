// Users of the product Replicate see `JSONValue` without knowing of the leaf that it shares with Zoetrope.
@_exported public import StrictJSON

extension JSONValue {
    /// Reads the body of an answer or of a webhook.
    ///
    /// - Throws: ``UnreadableAnswer`` when it is not JSON.
    init(answer body: some Sequence<UInt8>) throws(UnreadableAnswer) {
        do throws(JSONError) {
            try self.init(parsing: body)
        } catch {
            throw UnreadableAnswer(error.description)
        }
    }
}
