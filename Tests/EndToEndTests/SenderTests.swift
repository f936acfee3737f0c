import FoundationEssentials
import Glibc
import OTLP
import Testing
import Transport

/// Senders and scrapers that nobody here wrote.
@Suite("Peers", .serialized)
struct SenderTests {
    @Test(
        "OpenTelemetry's Python SDK is understood on either port",
        arguments: ["grpc", "http"], ["none", "gzip"])
    func pythonSDK(transport: String, compression: String) throws {
        let sink = try RecordingSink()
        defer { sink.stop() }
        let bridge = try BridgeProcess(sinkPort: sink.port)
        // Each protocol once on its own port and once on the other's: the commonest mistake of OTLP users.
        for (run, port) in [("own", transport == "grpc" ? bridge.grpcPort : bridge.httpPort),
            ("other", transport == "grpc" ? bridge.httpPort : bridge.grpcPort)] {
            let output = bridge.directory.appending(path: "sdk-\(run).log")
            let status = try Peer.run("sdk_sender.py", [transport, "\(port)", compression, run], output: output.path)
            let said = (try? String(contentsOf: output, encoding: .utf8)) ?? ""
            #expect(status == 0, "\(said)")
            try waitUntil("all 50 spans and log records and the counter of run \(run) have arrived", seconds: 20) {
                // The SDK reports its metrics once more when it shuts down.
                let counts = try Self.counts(of: run, in: sink.all)
                return counts[0] == 50 && counts[1] >= 1 && counts[2] == 50
            }
        }
        #expect(bridge.stop() == 0)
    }

    @Test("Prometheus scrapes the relay's metrics")
    func prometheus() throws {
        let sink = try RecordingSink()
        defer { sink.stop() }
        let bridge = try BridgeProcess(sinkPort: sink.port)
        for item in try Capture("joint/1.3.31/p03").items { try bridge.send(item) }
        let configuration = bridge.directory.appending(path: "prometheus.yml")
        try """
        global: {scrape_interval: 200ms}
        scrape_configs:
          - {job_name: spanbridge, static_configs: [{targets: ["127.0.0.1:\(bridge.apiPort)"]}]}
        """.write(to: configuration, atomically: true, encoding: .utf8)
        let port = try freePort()
        let process = try spawn(
            "prometheus",
            [
                "--config.file=\(configuration.path)", "--web.listen-address=127.0.0.1:\(port)",
                "--storage.tsdb.path=\(bridge.directory.appending(path: "tsdb").path)",
            ], output: bridge.directory.appending(path: "prometheus.log").path)
        defer {
            Glibc.kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }
        let query = "/api/v1/query?query=sum(spanbridge_receiver_accepted_records_total%7Bsignal%3D%22traces%22%7D)"
        try waitUntil("Prometheus knows the accepted spans", seconds: 30) {
            guard let body = try? bridge.http("GET", query, port: port).body,
                let value = try? JSONValue.parse(body)["data"]?["result"]?.array?.first?["value"]?.array?.last?.string
            else { return false }
            return value == "50"
        }
    }

    private static func counts(of run: String, in received: [RecordingSink.Received]) throws -> [Int] {
        var counts = [0, 0, 0]
        for message in received {
            let position =
                switch message.signal {
                case .traces: 0
                case .metrics: 1
                case .logs: 2
                }
            let request = try JSONValue.parse(
                try OTLPJSON.decode(protobuf: message.payload, message: .request(message.signal)))
            let outer = ["resourceSpans", "resourceMetrics", "resourceLogs"][position]
            let middle = ["scopeSpans", "scopeMetrics", "scopeLogs"][position]
            let inner = ["spans", "metrics", "logRecords"][position]
            for resource in request[outer]?.array ?? [] {
                let attributes = resource["resource"]?["attributes"]?.array ?? []
                let itsRun = attributes.first { $0["key"]?.string == "run" }?["value"]?["stringValue"]?.string
                guard itsRun == run else { continue }
                for scope in resource[middle]?.array ?? [] where scope["scope"]?["name"]?.string != "spanbridge" {
                    let items = scope[inner]?.array ?? []
                    // The SDK may report metrics of itself beside ours.
                    counts[position] += position == 1 ? items.count { $0["name"]?.string == "orders" } : items.count
                }
            }
        }
        return counts
    }
}
