import Metrics
import Testing

@Suite struct ExpositionEncoderTests {
    private func sample() -> MetricRegistry {
        let registry = MetricRegistry()
        registry.counters("spanbridge_spans_total", help: "Spans\nreceived.", labels: ["signal", "path"], limit: 4)
            .with("traces", "a\"b\\c\nd").add(17)
        registry.gauge("spanbridge_queue_bytes", help: "A \"queue\" \\.", unit: "bytes").set(2.5)
        let latency = registry.histogram("wait_seconds", help: "Waiting.", unit: "seconds", bounds: [0.1, 1, 1_000_000])
        latency.observe(0.05)
        latency.observe(
            1,
            exemplar: Exemplar(
                traceHigh: 0x5b8e_fff7_9803_8103, traceLow: 0xd269_b633_813f_c60c, time: 1_700_000_000_123_456_789))
        latency.observe(3e6)
        registry.register("up", .gauge, help: "Up.", labels: [MetricLabel("exporter", "otlp/a")]) { 1 }
        return registry
    }

    private func text(_ format: ExpositionFormat) -> String {
        let families = sample().scrape().filter { !$0.name.hasPrefix("spanbridge_metric_series") }
        return String(decoding: ExpositionEncoder.encode(families, as: format), as: UTF8.self)
    }

    @Test("text 0.0.4 has HELP before TYPE, total names in both, and no exemplars")
    func prometheus() {
        #expect(
            text(.text) == #"""
                # HELP spanbridge_queue_bytes A "queue" \\.
                # TYPE spanbridge_queue_bytes gauge
                spanbridge_queue_bytes 2.5
                # HELP spanbridge_spans_total Spans\nreceived.
                # TYPE spanbridge_spans_total counter
                spanbridge_spans_total{signal="traces",path="a\"b\\c\nd"} 17
                # HELP up Up.
                # TYPE up gauge
                up{exporter="otlp/a"} 1
                # HELP wait_seconds Waiting.
                # TYPE wait_seconds histogram
                wait_seconds_bucket{le="0.1"} 1
                wait_seconds_bucket{le="1"} 2
                wait_seconds_bucket{le="1e+06"} 2
                wait_seconds_bucket{le="+Inf"} 3
                wait_seconds_count 3
                wait_seconds_sum 3000001.05

                """#)
    }

    @Test("OpenMetrics has TYPE, UNIT, HELP, family names, exemplars and an end")
    func openMetrics() {
        #expect(
            text(.openMetrics(namesEscaping: false)) == #"""
                # TYPE spanbridge_queue_bytes gauge
                # UNIT spanbridge_queue_bytes bytes
                # HELP spanbridge_queue_bytes A \"queue\" \\.
                spanbridge_queue_bytes 2.5
                # TYPE spanbridge_spans counter
                # HELP spanbridge_spans Spans\nreceived.
                spanbridge_spans_total{signal="traces",path="a\"b\\c\nd"} 17
                # TYPE up gauge
                # HELP up Up.
                up{exporter="otlp/a"} 1
                # TYPE wait_seconds histogram
                # UNIT wait_seconds seconds
                # HELP wait_seconds Waiting.
                wait_seconds_bucket{le="0.1"} 1
                wait_seconds_bucket{le="1.0"} 2 # {trace_id="5b8efff798038103d269b633813fc60c"} 1 1700000000.123
                wait_seconds_bucket{le="1e+06"} 2
                wait_seconds_bucket{le="+Inf"} 3
                wait_seconds_count 3
                wait_seconds_sum 3000001.05
                # EOF

                """#)
    }

    @Test(
        "bounds are written as Go writes them",
        arguments: [
            (0.0, "0", "0.0"), (0.005, "0.005", "0.005"), (0.00001, "1e-05", "1e-05"), (10, "10", "10.0"),
            (100_000, "100000", "100000.0"), (1e6, "1e+06", "1e+06"), (1_234_567.5, "1.2345675e+06", "1.2345675e+06"),
            (2.5e10, "2.5e+10", "2.5e+10"), (1e21, "1e+21", "1e+21"), (-2e6, "-2e+06", "-2e+06"),
            (.infinity, "+Inf", "+Inf"),
        ])
    func bounds(bound: Double, text: String, openMetrics: String) {
        func written(_ format: ExpositionFormat) -> String {
            let reading = HistogramReading(bounds: [bound], counts: [0, 0], sum: 0, exemplars: [nil, nil])
            let family = FamilyReading(
                name: "h", kind: .histogram, help: "", unit: nil, points: [MetricPoint(value: .histogram(reading))])
            let lines = String(decoding: ExpositionEncoder.encode([family], as: format), as: UTF8.self)
            return String(lines.split(separator: "\"")[1])
        }
        #expect(written(.text) == text)
        #expect(written(.openMetrics(namesEscaping: false)) == openMetrics)
    }

    @Test(
        "values are whole, fractional, or the words of both formats",
        arguments: [
            (1.0, "1"), (-3.0, "-3"), (0.25, "0.25"), (1e300, "1e+300"), (.nan, "NaN"), (.infinity, "+Inf"),
            (-.infinity, "-Inf"), (-0.0, "0"),
        ])
    func values(value: Double, text: String) {
        let family = FamilyReading(name: "g", kind: .gauge, help: "", unit: nil, points: [MetricPoint(value)])
        let lines = String(decoding: ExpositionEncoder.encode([family], as: .text), as: UTF8.self)
        #expect(lines.hasSuffix("\ng \(text)\n"))
    }
}

@Suite struct ExpositionFormatTests {
    @Test(
        "the heaviest format that we write is chosen",
        arguments: [
            (nil, ExpositionFormat.text),
            ("", .text),
            ("application/json", .text),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
                .text
            ),
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                .openMetrics(namesEscaping: false)
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,/;q=0.1",
                .openMetrics(namesEscaping: true)
            ),
            ("application/openmetrics-text;version=0.0.1", .text),
            ("application/openmetrics-text; version=\"1.0.0\"; q=0.2, text/plain; q=0.3", .text),
            ("Application/OpenMetrics-Text", .openMetrics(namesEscaping: false)),
            ("application/openmetrics-text;q=0, */*;q=0", .text),
            (";;;,=,q=;", .text),
        ] as [(String?, ExpositionFormat)])
    func negotiation(accept: String?, format: ExpositionFormat) {
        #expect(ExpositionFormat.negotiate(accept: accept) == format)
    }

    @Test("the content type names version and escaping")
    func contentTypes() {
        #expect(ExpositionFormat.text.contentType == "text/plain; version=0.0.4; charset=utf-8")
        #expect(
            ExpositionFormat.openMetrics(namesEscaping: true).contentType
                == "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores")
    }
}
