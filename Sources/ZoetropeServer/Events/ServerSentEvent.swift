import StrictJSON

/// One event of a `text/event-stream` (https://html.spec.whatwg.org/multipage/server-sent-events.html).
struct ServerSentEvent: Sendable, Equatable {
    let id: String
    let name: String
    let data: JSONValue

    /// JSON as it is written here has no line ends in it, so that one `data` line holds it.
    var bytes: [UInt8] {
        var bytes = Array("id: \(id)\nevent: \(name)\ndata: ".utf8)
        bytes += (try? data.encoded()) ?? Array("null".utf8)
        bytes += Array("\n\n".utf8)
        return bytes
    }

    /// A line that clients pass over, so that whatever is in between sees that the stream is alive.
    static let ping = Array(": ping\n\n".utf8)

    /// What a stream begins with: how many milliseconds a client waits before it connects anew.
    static let opening = Array("retry: 2000\n\n".utf8)
}
