import Foundation
import Testing
import ZoetropeCore
import ZoetropeWorkflow

struct MetricsTests {
    @Test func `the text is Prometheus' format 0_0_4`() {
        let registry = MetricRegistry()
        let requests = registry.counter("requests_total", "What \\ came\nin.", labels: [MetricLabel("path")])
        _ = registry.counter("plain_total", "Plain.")
        let gauge = registry.gauge("temperature", "Now.")
        let size = registry.histogram("size", "Sizes.", labels: [MetricLabel("kind")], bounds: [0.5, 1, 10])
        requests.add(2, "a\"b\\c\nd")
        requests.add(1, "a")
        gauge.set(-1.5)
        for value in [0.25, 0.5, 0.75, 10, 11] { size.observe(value, "x") }
        #expect(
            registry.text() == """
                # HELP requests_total What \\\\ came\\nin.
                # TYPE requests_total counter
                requests_total{path="a"} 1
                requests_total{path="a\\"b\\\\c\\nd"} 2
                # HELP plain_total Plain.
                # TYPE plain_total counter
                plain_total 0
                # HELP temperature Now.
                # TYPE temperature gauge
                temperature -1.5
                # HELP size Sizes.
                # TYPE size histogram
                size_bucket{kind="x",le="0.5"} 2
                size_bucket{kind="x",le="1"} 3
                size_bucket{kind="x",le="10"} 4
                size_bucket{kind="x",le="+Inf"} 5
                size_sum{kind="x"} 22.5
                size_count{kind="x"} 5

                """
        )
    }

    @Test func `values that are not known become other, and there are only so many`() {
        let registry = MetricRegistry()
        let known = registry.counter("known_total", "K.", labels: [MetricLabel("method", known: ["GET"])])
        for name in ["GET", "BREW", "ABC"] { known.add(1, name) }
        #expect(registry.text().contains("known_total{method=\"other\"} 2\n"))
        let open = registry.counter("open_total", "O.", labels: [MetricLabel("id")])
        for number in 0..<10_000 { open.add(1, "\(number)") }
        let lines = registry.text().split(separator: "\n").filter { $0.hasPrefix("open_total") }
        #expect(lines.count == 2_001)
        #expect(lines.contains("open_total{id=\"other\"} 8000"))
    }

    @Test func `counting from many tasks loses nothing`() async {
        let registry = MetricRegistry()
        let counter = registry.counter("c_total", "C.", labels: [MetricLabel("l")])
        let histogram = registry.histogram("h", "H.", bounds: [1])
        await withDiscardingTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for _ in 0..<1_000 {
                        counter.add(1, "\(task % 2)")
                        histogram.observe(2)
                    }
                }
            }
        }
        let text = registry.text()
        #expect(text.contains("c_total{l=\"0\"} 4000\nc_total{l=\"1\"} 4000\n"))
        #expect(text.contains("h_bucket{le=\"1\"} 0\nh_bucket{le=\"+Inf\"} 8000\nh_sum 16000\nh_count 8000\n"))
    }

    @Test func `what the database says replaces what it said, and silence is not a zero`() {
        let metrics = ServiceMetrics(version: "1.2", startedAt: Date(timeIntervalSince1970: 10))
        let now = Date(timeIntervalSince1970: 1_000)
        var overview = Overview(
            runs: [.generating: 3],
            oldestDue: now - 7,
            spentToday: MicroUSD(1_500_000),
            callbacks: [.due: 2],
            deletions: 4,
            now: now
        )
        metrics.note(overview)
        var text = metrics.text()
        for line in [
            "zoetrope_runs{state=\"generating\"} 3", "zoetrope_runs{state=\"queued\"} 0",
            "zoetrope_queue_age_seconds 7", "zoetrope_spend_usd_today 1.5", "zoetrope_callbacks{state=\"due\"} 2",
            "zoetrope_object_deletions_pending 4", "zoetrope_build_info{version=\"1.2\"} 1",
            "process_start_time_seconds 10",
        ] { #expect(text.contains("\(line)\n"), "\(line)") }
        overview.runs = [:]
        overview.oldestDue = nil
        metrics.note(overview)
        text = metrics.text()
        #expect(text.contains("zoetrope_runs{state=\"generating\"} 0\n"))
        #expect(text.contains("zoetrope_queue_age_seconds 0\n"))
        metrics.note(nil)
        #expect(!metrics.text().contains("\nzoetrope_runs{"))
        #expect(!metrics.text().contains("\nzoetrope_spend_usd_today "))
        #expect(metrics.text().contains(/process_resident_memory_bytes \d{6,}\n/))
        #expect(metrics.text().contains(/process_open_fds \d+\n/))
    }

    @Test func `counting is cheap`() {
        let metrics = ServiceMetrics(version: "1", startedAt: .now)
        let clock = ContinuousClock()
        let count = 100_000
        let took = clock.measure {
            for _ in 0..<count {
                metrics.request(method: "GET", route: "/api/v1/jobs/{job}", status: 200, took: .milliseconds(3))
            }
        }
        // Some 1 µs on an idle machine; a request takes some 50.
        #expect(took / count < .microseconds(40), "\(took / count)")
    }
}
