package import Foundation
package import Logging
import Synchronization

/// Writes each event as one line, whatever is in it.
///
/// Values may come from strangers: control characters, and with them line ends and the sequences that move a terminal's
/// cursor, are escaped, and long values are cut.
package struct LineLogHandler: LogHandler {
    package enum Format: String, Sendable, CaseIterable {
        case json
        case text
    }

    /// Bytes of a value that are written.
    package static let longestValue = 4_096

    package var logLevel = Logger.Level.info
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let format: Format
    private let now: @Sendable () -> Date
    private let write: @Sendable (_ line: [UInt8]) -> Void

    /// `write` gets whole lines with their ends, from any thread.
    package init(
        label: String,
        format: Format,
        now: @escaping @Sendable () -> Date = { Date() },
        write: @escaping @Sendable (_ line: [UInt8]) -> Void
    ) {
        self.label = label
        self.format = format
        self.now = now
        self.write = write
    }

    package subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        var line = Line(format)
        line.reserve(256)
        switch format {
        case .json:
            line.field("time", now().inWholeMilliseconds.rfc3339)
            line.field("level", event.level.rawValue)
            line.field("message", "\(event.message)")
            line.field("label", label)
        case .text:
            line.word(now().inWholeMilliseconds.rfc3339)
            line.word(event.level.rawValue)
            line.word("\(event.message)")
        }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            // Names of our own, and those of libraries, do not replace what every line has.
            line.field(
                Line.fixed.contains(key) ? "\(key)_" : key,
                "\(value)",
                isNumber: Self.isWhole(value)
            )
        }
        write(line.finished())
    }

    private static func isWhole(_ value: Logger.MetadataValue) -> Bool {
        guard case .stringConvertible(let value) = value else { return false }
        return value is Int || value is Int64
    }
}

/// A line under construction.
private struct Line {
    static let fixed: Set<String> = ["time", "level", "message", "label"]

    private var bytes: [UInt8] = []
    private let format: LineLogHandler.Format

    init(_ format: LineLogHandler.Format) {
        self.format = format
        if format == .json { bytes.append(UInt8(ascii: "{")) }
    }

    mutating func reserve(_ count: Int) { bytes.reserveCapacity(count) }

    /// Text that needs no name.
    mutating func word(_ text: String) {
        if !bytes.isEmpty { bytes.append(UInt8(ascii: " ")) }
        append(text, quoting: false)
    }

    mutating func field(_ name: String, _ value: String, isNumber: Bool = false) {
        switch format {
        case .json:
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            quote(name)
            bytes.append(UInt8(ascii: ":"))
            if isNumber { bytes += value.utf8 } else { quote(value) }
        case .text:
            word(name)
            bytes.append(UInt8(ascii: "="))
            let isPlain =
                !value.isEmpty
                && value.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != 0x7F }
            if isPlain { append(value, quoting: false) } else { quote(value) }
        }
    }

    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        append(text, quoting: true)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Appends text as JSON has it between quotes; without quoting, quotes and backslashes stay as they are.
    private mutating func append(_ text: String, quoting: Bool) {
        var left = LineLogHandler.longestValue
        // Most values are plain, and copied as they are.
        let isPlain = text.utf8.allSatisfy { byte in
            (0x20..<0x7F).contains(byte)
                && !(quoting && (byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")))
        }
        if isPlain, text.utf8.count <= left {
            bytes += text.utf8
            return
        }
        for scalar in text.unicodeScalars {
            let width = UTF8.width(scalar)
            guard left >= width else {
                bytes += "…".utf8
                return
            }
            left -= width
            switch scalar {
            case "\"" where quoting, "\\" where quoting:
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            case "\n": bytes += "\\n".utf8
            // C0, DEL, C1, line and paragraph separators, and what turns the direction of text around.
            case "\0"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}"..."\u{202E}", "\u{2066}"..."\u{2069}":
                let digits = String(scalar.value, radix: 16)
                bytes += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8
            default: bytes += UTF8.encode(scalar).map { Array($0) } ?? []
            }
        }
    }

    consuming func finished() -> [UInt8] {
        if format == .json { bytes.append(UInt8(ascii: "}")) }
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }
}
