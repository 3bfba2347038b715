package import Foundation
package import HTTPTypes

/// On which states of an object a request depends, by RFC 9110, section 13.
package struct Preconditions: Sendable {
    package enum Verdict: Sendable, Equatable {
        case met
        /// 304: the client has it already.
        case notModified
        /// 412: it is not what the client takes it for.
        case failed
    }

    private let headers: HTTPFields

    package init(_ headers: HTTPFields) {
        self.headers = headers
    }

    /// Judges a GET or a HEAD of an object with this entity tag, which is without quotes and strong.
    ///
    /// A date that is malformed is no condition; a list of entity tags that is malformed holds none.
    package func verdict(entityTag: String, modifiedAt: Date) -> Verdict {
        if let field = headers[.ifMatch] {
            guard EntityTags(field).contains(entityTag, isWeakEnough: false) else { return .failed }
        } else if let date = headers[.ifUnmodifiedSince].flatMap({ Date(httpDate: $0) }) {
            guard modifiedAt.wholeSeconds <= date else { return .failed }
        }
        if let field = headers[.ifNoneMatch] {
            guard !EntityTags(field).contains(entityTag, isWeakEnough: true) else { return .notModified }
        } else if let date = headers[.ifModifiedSince].flatMap({ Date(httpDate: $0) }) {
            guard modifiedAt.wholeSeconds > date else { return .notModified }
        }
        return .met
    }

    /// Whether `Range` counts: what the client has a part of is still the same.
    package func allowsRange(entityTag: String, modifiedAt: Date) -> Bool {
        guard let field = headers[.ifRange] else { return true }
        return field == "\"\(entityTag)\"" || field == modifiedAt.httpDate
    }
}

extension Date {
    /// What a header can say of it.
    fileprivate var wholeSeconds: Date {
        Date(timeIntervalSince1970: timeIntervalSince1970.rounded(.down))
    }
}

/// The entity tags of `If-Match` and `If-None-Match`.
private struct EntityTags {
    private var isAny = false
    private var tags: [(isWeak: Bool, text: Substring.UTF8View)] = []

    init(_ field: String) {
        isAny = field == "*"
        var rest = field[...].utf8
        while let first = rest.first, !isAny {
            if [UInt8(ascii: ","), UInt8(ascii: " "), UInt8(ascii: "\t")].contains(first) {
                rest.removeFirst()
                continue
            }
            let isWeak = rest.starts(with: "W/".utf8)
            if isWeak { rest.removeFirst(2) }
            guard rest.popFirst() == UInt8(ascii: "\""), let end = rest.firstIndex(of: UInt8(ascii: "\""))
            else {
                tags = []
                return
            }
            tags.append((isWeak, rest[..<end]))
            rest = rest[end...].dropFirst()
        }
    }

    func contains(_ tag: String, isWeakEnough: Bool) -> Bool {
        isAny || tags.contains { (isWeakEnough || !$0.isWeak) && $0.text.elementsEqual(tag.utf8) }
    }
}
