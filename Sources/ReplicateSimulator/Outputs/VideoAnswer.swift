/// A download of a clip, ready to be written: head, bytes, and how they go out.
struct VideoAnswer: Sendable {
    var status: Int
    var headers: [Header]
    var body: ArraySlice<UInt8>
    /// Real bytes per real second.
    var pace: Int?
    /// Written before the connection is closed; nil writes everything.
    var closesAfter: Int?
    /// The body is repeated until the client leaves.
    var isEndless = false
    /// Chunked instead of a `Content-Length`.
    var isChunked = false
    /// The whole file, or a range up to its end.
    var reachesEnd: Bool

    /// What the output host says about a clip (fact sheet, 2.4).
    init(_ video: [UInt8], _ delivery: VideoDelivery) {
        var bytes = video
        if case .notVideo(let what) = delivery.fault {
            bytes =
                switch what {
                case .html: Array("<!DOCTYPE html><html><body><h1>Oops</h1></body></html>\n".utf8)
                case .garbage: (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }
                case .empty: []
                }
        }
        var md5 = bytes.md5
        if delivery.fault == .changingETag { md5 = Array("\(md5)-\(delivery.number)".utf8).md5 }
        let tag = "\"\(md5)\""
        status = 200
        body = bytes[...]
        reachesEnd = true
        headers = [
            Header("Content-Type", "video/mp4"),
            Header("ETag", tag),
            Header("Cache-Control", "public,max-age=3600"),
            Header("Accept-Ranges", "bytes"),
            Header("Last-Modified", delivery.lastModified.httpDate),
            Header("x-goog-hash", "md5=\(([UInt8](hex: md5) ?? []).base64)"),
        ]
        apply(delivery, size: bytes.count, tag: tag)
        switch delivery.fault {
        case .shortRead(let count): closesAfter = min(count ?? body.count / 2, body.count)
        case .slow(let rate): pace = rate
        case .noContentLength: isChunked = true
        case .endless: (isEndless, isChunked) = (true, true)
        default: break
        }
        if !isChunked { headers.append(Header("Content-Length", String(body.count))) }
        if delivery.isHead { body = [] }
    }

    private mutating func apply(_ delivery: VideoDelivery, size: Int, tag: String) {
        if let wanted = delivery.ifNoneMatch, wanted == tag || wanted == "*" {
            status = 304
            body = []
            return
        }
        guard let text = delivery.range, delivery.fault != .ignoresRange,
            delivery.ifRange.map({ $0 == tag || $0 == delivery.lastModified.httpDate }) ?? true
        else { return }
        switch ByteRange.read(text, size: size) {
        case .whole: break
        case .part(let range):
            status = 206
            headers.append(Header("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)"))
            body = body[range]
            reachesEnd = range.upperBound == size
        case .unsatisfiable:
            status = 416
            headers.append(Header("Content-Range", "bytes */\(size)"))
            body = []
            reachesEnd = false
        }
    }
}

/// A `Range` header with one range of bytes (RFC 9110, 14.2); anything else is as good as none.
enum ByteRange: Equatable {
    case whole
    case part(Range<Int>)
    case unsatisfiable

    static func read(_ text: String, size: Int) -> ByteRange {
        guard text.hasPrefix("bytes=") else { return .whole }
        let parts = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }) else {
            return .whole
        }
        switch (Int(parts[0]), Int(parts[1])) {
        case (let first?, let last?) where last < first: return .whole
        case (let first?, let last):
            return first < size ? .part(first..<min((last ?? size), size - 1) + 1) : .unsatisfiable
        case (nil, let suffix?):
            guard parts[0].isEmpty else { return .whole }
            return suffix > 0 && size > 0 ? .part(max(0, size - suffix)..<size) : .unsatisfiable
        case (nil, nil): return .whole
        }
    }
}

extension [UInt8] {
    /// Reads pairs of hexadecimal digits.
    init?(hex: String) {
        let digits = hex.compactMap(\.hexDigitValue)
        guard digits.count == hex.count, digits.count.isMultiple(of: 2) else { return nil }
        self = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
    }
}
