import Foundation
import Logging
import StrictJSON
import Synchronization
import Testing
import ZoetropeWorkflow

struct LogTests {
    private final class Lines: Sendable {
        let all = Mutex<[[UInt8]]>([])
        var text: [String] { all.withLock { $0.map { String(decoding: $0, as: UTF8.self) } } }

        func logger(_ format: LineLogHandler.Format) -> Logger {
            var logger = Logger(label: "zoetrope") { label in
                LineLogHandler(
                    label: label,
                    format: format,
                    now: { Date(timeIntervalSince1970: 1_784_635_200.0625) },
                    write: { line in self.all.withLock { $0.append(line) } }
                )
            }
            logger.logLevel = .debug
            return logger
        }
    }

    private let lines = Lines()

    /// What strangers write to break a log.
    static let hostile = [
        "line\nend", "\r\nHTTP/1.1 200", "\u{1B}[2J\u{1B}]0;title\u{07}", "\u{9B}31m", "\"}{\"level\":\"info\"", "\\\\",
        "\0", "%s%n", "\u{2028}\u{2029}", "\u{202E}txt.exe", "\u{7F}", "日本語 🎞",
        String(repeating: "é", count: 1_000_000),
    ]

    @Test(arguments: hostile)
    func `whatever is logged is one JSON object on one line`(text: String) throws {
        let logger = lines.logger(.json)
        logger.info("\(text)", metadata: Logger.Metadata([.requestID: "\(text)", .status: .stringConvertible(200)]))
        let line = try #require(lines.text.first)
        #expect(lines.text.count == 1)
        #expect(line.hasSuffix("}\n") && line.dropLast().allSatisfy { $0 != "\n" })
        #expect(line.utf8.count < 12_000)
        #expect(!line.dropLast().unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) })
        #expect(!line.unicodeScalars.contains { $0 == "\u{202E}" || $0 == "\u{2028}" })
        let json = try JSONValue(parsing: line.utf8)
        #expect(json["time"] == "2026-07-21T12:00:00.062Z")
        #expect(json["level"] == "info")
        #expect(json["label"] == "zoetrope")
        #expect(json["status"] == 200)
        let logged = try #require(json["request_id"]?.string)
        #expect(json["message"]?.string == logged)
        if text.utf8.count < 100 { #expect(logged == text) } else { #expect(logged.hasSuffix("é…")) }
    }

    @Test(arguments: hostile)
    func `text for people is one line, too, and moves no cursor`(text: String) throws {
        lines.logger(.text).warning("\(text)", metadata: Logger.Metadata([.reason: "\(text)"]))
        let line = try #require(lines.text.first)
        #expect(line.hasPrefix("2026-07-21T12:00:00.062Z warning "))
        #expect(!line.dropLast().unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) })
        #expect(line.utf8.count < 12_000)
    }

    @Test func `metadata cannot pose as what every line has`() throws {
        var logger = lines.logger(.json)
        logger[metadataKey: "level"] = "trace"
        logger[metadataKey: "plain"] = "1"
        logger.error("x", metadata: ["time": "never", "plain": "2"])
        let json = try JSONValue(parsing: try #require(lines.text.first).utf8)
        #expect(json["level"] == "error")
        #expect(json["level_"] == "trace")
        #expect(json["time_"] == "never")
        #expect(json["plain"] == "2")
    }
}
