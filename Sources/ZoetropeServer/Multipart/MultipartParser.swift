import Glibc

/// Takes a `multipart/form-data` body apart as it comes.
///
/// Of the body it keeps what cannot be told yet: no more than the longest piece it is given, a part's headers and a
/// boundary. What stands before the first and after the last boundary does nothing, as RFC 2046 wants it.
package struct MultipartParser: Sendable {
    package enum Event: Sendable, Hashable {
        /// A part begins whose field has this name.
        case part(String)
        /// Bytes of the part that began last.
        case content(ArraySlice<UInt8>)
        /// The part is complete.
        case end
    }

    private enum State {
        case preamble
        /// Behind a boundary, of which nothing is known yet.
        case boundary
        /// Behind a boundary that is not the last.
        case boundaryLine
        case headers
        case content
        case epilogue
    }

    private let delimiter: [UInt8]
    private let limits: MultipartForm.Limits
    private var state = State.preamble
    private var parts = 0
    /// What has come and was not told yet; the first boundary may begin the body, as if a line had ended before it.
    private var buffer: [UInt8] = [0x0D, 0x0A]
    /// Where in it the next event begins.
    private var position = 0
    /// How far behind `position` there is no end of the headers.
    private var searched = 0

    package init(boundary: MultipartBoundary, limits: MultipartForm.Limits = .init()) {
        delimiter = Array("\r\n--".utf8) + boundary.bytes
        self.limits = limits
    }

    /// Takes the next piece of the body; all events must have been taken before.
    package mutating func feed(_ bytes: some Collection<UInt8>) {
        guard state != .epilogue else { return }
        buffer.removeFirst(position)
        position = 0
        buffer += bytes
    }

    /// What is next; nil when more of the body must come first.
    package mutating func next() throws(MultipartError) -> Event? {
        while true {
            switch state {
            case .preamble:
                guard findDelimiter() else { return nil }
                state = .boundary
            case .boundary:
                guard let isLast = try readBoundary() else { return nil }
                state = isLast ? .epilogue : .boundaryLine
            case .boundaryLine:
                guard try readLineEnd() else { return nil }
                guard parts < limits.parts else { throw MultipartError("The form has more than \(limits.parts) parts") }
                parts += 1
                state = .headers
            case .headers:
                guard let headers = try readHeaders() else { return nil }
                state = .content
                return .part(try PartHeaders(headers).name)
            case .content:
                let start = position
                let isComplete = findDelimiter()
                let end = isComplete ? position - delimiter.count : position
                // The delimiter is found again when its content was told.
                if end > start {
                    position = end
                    return .content(buffer[start..<end])
                }
                guard isComplete else { return nil }
                state = .boundary
                return .end
            case .epilogue:
                position = buffer.count
                return nil
            }
        }
    }

    /// Throws unless the body may end here.
    package func finish() throws(MultipartError) {
        switch state {
        case .preamble: throw MultipartError("The body does not contain its boundary")
        case .boundary, .boundaryLine: throw Self.boundaryWithoutEnd
        case .headers: throw MultipartError("The headers of a part do not end")
        case .content: throw MultipartError("The form ends without its closing boundary")
        case .epilogue: return
        }
    }

    private static let boundaryWithoutEnd = MultipartError("A boundary is not followed by the end of its line")
}

// MARK: - Between the parts

extension MultipartParser {
    /// Whether the boundary is the closing one; nil when that cannot be told yet.
    private func readBoundary() throws(MultipartError) -> Bool? {
        let rest = buffer[position...]
        guard rest.first == UInt8(ascii: "-") else { return rest.isEmpty ? nil : false }
        guard rest.count > 1 else { return nil }
        guard rest.starts(with: "--".utf8) else { throw Self.boundaryWithoutEnd }
        return true
    }

    /// Takes the rest of a boundary's line; false when it has not come yet.
    private mutating func readLineEnd() throws(MultipartError) -> Bool {
        let rest = buffer[position...].drop { $0 == 0x20 || $0 == 0x09 }
        position = rest.startIndex
        guard "\r\n".utf8.starts(with: rest.prefix(2)) else { throw Self.boundaryWithoutEnd }
        guard rest.count >= 2 else { return false }
        position += 2
        return true
    }

    /// Takes the headers with the empty line that ends them; nil when they have not come yet.
    private mutating func readHeaders() throws(MultipartError) -> ArraySlice<UInt8>? {
        let rest = buffer[position...]
        if rest.starts(with: "\r\n".utf8) {
            position += 2
            return []
        }
        let end = Array("\r\n\r\n".utf8)
        let head = rest.prefix(limits.headerBytes)
        if let found = Self.find(end, in: buffer, from: position + searched, to: head.endIndex) {
            defer {
                position = found + end.count
                searched = 0
            }
            return buffer[position..<found]
        }
        guard rest.count <= limits.headerBytes else {
            throw MultipartError("A part has more than \(limits.headerBytes) bytes of headers")
        }
        searched = max(0, rest.count - end.count + 1)
        return nil
    }
}

// MARK: - Searching

extension MultipartParser {
    /// Moves behind the next delimiter, or to where one may have begun that is not all there.
    private mutating func findDelimiter() -> Bool {
        if let found = Self.find(delimiter, in: buffer, from: position, to: buffer.count) {
            position = found + delimiter.count
            return true
        }
        // The pattern holds one carriage return, so only the last of the buffer can begin it.
        let tail = max(position, buffer.count - delimiter.count + 1)
        if let start = buffer[tail...].lastIndex(of: delimiter[0]), delimiter.starts(with: buffer[start...]) {
            position = start
        } else {
            position = buffer.count
        }
        return false
    }

    /// Where a pattern that begins with a carriage return begins.
    ///
    /// A boundary's pattern holds only one, so no byte is compared twice, whatever the body holds.
    private static func find(_ pattern: [UInt8], in body: [UInt8], from start: Int, to end: Int) -> Int? {
        body.withUnsafeBytes { body in
            guard let base = body.baseAddress else { return nil }
            var position = start
            while position + pattern.count <= end,
                let match = memchr(base + position, Int32(pattern[0]), end - position - pattern.count + 1)
            {
                position = base.distance(to: UnsafeRawPointer(match))
                if body[position...].starts(with: pattern) { return position }
                position += 1
            }
            return nil
        }
    }
}
