import Synchronization

/// Numbers that operators watch, in families, and their text in Prometheus' format.
///
/// https://prometheus.io/docs/instrumenting/exposition_formats/, text format 0.0.4.
package final class MetricRegistry: Sendable {
    private let families = Mutex<[any MetricFamily]>([])

    package init() {}

    /// What ``text()`` is served as.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    package func counter(_ name: String, _ help: String, labels: [MetricLabel] = []) -> Counter {
        add(Counter(MetricHead(name, help, labels, type: "counter")))
    }

    package func gauge(_ name: String, _ help: String, labels: [MetricLabel] = []) -> Gauge {
        add(Gauge(MetricHead(name, help, labels, type: "gauge")))
    }

    /// `bounds` are the upper bounds of the buckets, ascending, without infinity.
    package func histogram(
        _ name: String,
        _ help: String,
        labels: [MetricLabel] = [],
        bounds: [Double]
    ) -> Histogram {
        precondition(
            zip(bounds, bounds.dropFirst()).allSatisfy(<),
            "the bounds of \(name) must ascend: \(bounds)"
        )
        return add(Histogram(MetricHead(name, help, labels, type: "histogram"), bounds: bounds))
    }

    private func add<Family: MetricFamily>(_ family: Family) -> Family {
        families.withLock { families in
            let name = family.head.name
            precondition(!families.contains { $0.head.name == name }, "there are two metrics \"\(name)\"")
            families.append(family)
        }
        return family
    }

    /// All families in the order of their making, each with its help and type although it may have no sample yet.
    package func text() -> String {
        var text = ""
        for family in families.withLock(\.self) {
            let head = family.head
            text +=
                "# HELP \(head.name) \(MetricHead.escaped(help: head.help))\n# TYPE \(head.name) \(head.type)\n"
            family.write(to: &text)
        }
        return text
    }
}

/// A dimension of a metric.
package struct MetricLabel: Sendable {
    /// Stands for values that are not known beforehand, or of which there are too many.
    package static let other = "other"

    let name: String
    /// The values that are written as they are; nil for those that come from our own code, of which there are few.
    let known: Set<String>?

    package init(_ name: String, known: [String]? = nil) {
        self.name = name
        self.known = known.map(Set.init)
    }
}

package protocol MetricFamily: Sendable {
    var head: MetricHead { get }
    func write(to text: inout String)
}

/// What every family has: its name, what it means, and its dimensions.
package struct MetricHead: Sendable {
    let name: String
    let help: String
    let labels: [MetricLabel]
    let type: String

    init(_ name: String, _ help: String, _ labels: [MetricLabel], type: String) {
        for name in [name] + labels.map(\.name) {
            precondition(
                name.wholeMatch(of: /[a-zA-Z_][a-zA-Z0-9_]*/) != nil,
                "\"\(name)\" cannot name a metric"
            )
        }
        self.name = name
        self.help = help
        self.labels = labels
        self.type = type
    }

    /// The values as they may be kept: no more than there are names for.
    func bounded(_ values: [String]) -> [String] {
        precondition(values.count == labels.count, "\(name) has \(labels.count) labels, got \(values)")
        var values = values
        for (place, label) in labels.enumerated() {
            if let known = label.known, !known.contains(values[place]) {
                values[place] = MetricLabel.other
            }
        }
        return values
    }

    /// `{name="value",…}`; nothing without labels.
    func braces(_ values: [String], with more: String? = nil) -> String {
        var pairs = zip(labels, values).map { "\($0.name)=\"\(Self.escaped(value: $1))\"" }
        if let more { pairs.append(more) }
        return pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}"
    }

    static func escaped(help: String) -> String {
        help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    }

    static func escaped(value: String) -> String {
        escaped(help: value).replacing("\"", with: "\\\"")
    }

    /// As Prometheus reads numbers: whole ones without a point.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : "\(value)"
    }
}

/// The samples of a family by the values of its labels; a new combination beyond the most goes with the others.
struct Samples<Sample: Sendable>: Sendable {
    /// Ours have some hundreds.
    static var most: Int { 2_000 }

    private(set) var all: [[String]: Sample] = [:]

    mutating func update(
        _ values: [String],
        of head: MetricHead,
        new: Sample,
        _ body: (inout Sample) -> Void
    ) {
        var key = values
        if all[key] == nil, all.count >= Self.most { key = values.map { _ in MetricLabel.other } }
        body(&all[key, default: new])
    }

    mutating func removeAll() { all = [:] }

    var sorted: [(key: [String], value: Sample)] {
        all.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }
}

/// Only ever grows.
package final class Counter: MetricFamily {
    package let head: MetricHead
    private let samples = Mutex(Samples<Double>())

    init(_ head: MetricHead) {
        self.head = head
        // A counter without labels is there from the beginning, so that its first step shows.
        if head.labels.isEmpty { add(0) }
    }

    package func add(_ amount: Double = 1, _ values: String...) {
        let values = head.bounded(values)
        samples.withLock { $0.update(values, of: head, new: 0) { $0 += max(0, amount) } }
    }

    package func write(to text: inout String) {
        for (values, count) in samples.withLock(\.sorted) {
            text += "\(head.name)\(head.braces(values)) \(MetricHead.number(count))\n"
        }
    }
}

/// What is now.
package final class Gauge: MetricFamily {
    package let head: MetricHead
    private let samples = Mutex(Samples<Double>())

    init(_ head: MetricHead) {
        self.head = head
    }

    package func set(_ value: Double, _ values: String...) {
        let values = head.bounded(values)
        samples.withLock { $0.update(values, of: head, new: 0) { $0 = value } }
    }

    package func add(_ amount: Double, _ values: String...) {
        let values = head.bounded(values)
        samples.withLock { $0.update(values, of: head, new: 0) { $0 += amount } }
    }

    /// Forgets all: what is not known any more is better not shown.
    package func clear() {
        samples.withLock { $0.removeAll() }
    }

    package func write(to text: inout String) {
        for (values, value) in samples.withLock(\.sorted) {
            text += "\(head.name)\(head.braces(values)) \(MetricHead.number(value))\n"
        }
    }
}

/// How many values were how large.
package final class Histogram: MetricFamily {
    private struct Sample {
        /// Values in each bucket alone; the last is beyond all bounds.
        var counts: [Int]
        var sum = 0.0
    }

    package let head: MetricHead
    private let bounds: [Double]
    private let samples = Mutex(Samples<Sample>())

    init(_ head: MetricHead, bounds: [Double]) {
        self.head = head
        self.bounds = bounds
    }

    package func observe(_ value: Double, _ values: String...) {
        let values = head.bounded(values)
        let place = bounds.firstIndex { value <= $0 } ?? bounds.count
        let new = Sample(counts: Array(repeating: 0, count: bounds.count + 1))
        samples.withLock { samples in
            samples.update(values, of: head, new: new) { sample in
                sample.counts[place] += 1
                sample.sum += value
            }
        }
    }

    package func write(to text: inout String) {
        for (values, sample) in samples.withLock(\.sorted) {
            var count = 0
            for (bound, inBucket) in zip(bounds + [.infinity], sample.counts) {
                count += inBucket
                let braces = head.braces(values, with: "le=\"\(MetricHead.number(bound))\"")
                text += "\(head.name)_bucket\(braces) \(count)\n"
            }
            text += "\(head.name)_sum\(head.braces(values)) \(MetricHead.number(sample.sum))\n"
            text += "\(head.name)_count\(head.braces(values)) \(count)\n"
        }
    }
}
