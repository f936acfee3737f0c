import FoundationEssentials
import Glibc
import OTLP
import Testing
import Transport

/// curl, nghttp and h2load as senders.
@Suite("Client programs", .serialized)
struct ClientProgramTests {
    /// Starts a relay, runs a program with a file of one request in it, and returns what it said. `{http}` and `{grpc}` are the
    /// ports, `{file}` the request, `{gzip}` the same compressed.
    private func run(
        _ program: String, _ arguments: String, spans: Int = 5_000, _ body: (String, RecordingSink, BridgeProcess) throws -> Void
    ) throws {
        let sink = try RecordingSink()
        defer { sink.stop() }
        let bridge = try BridgeProcess(sinkPort: sink.port)
        let list = (1...spans).map { number in
            """
            {"traceId": "\(TraceID(high: 5, low: UInt64(number)).hex)", "spanId": "\(SpanID(raw: UInt64(number)).hex)",
             "name": "a span with a name of some length, so that the request is large \(number)"}
            """
        }
        let request = try OTLPJSON.encodeProtobuf(
            json: Array(#"{"resourceSpans": [{"scopeSpans": [{"spans": [\#(list.joined(separator: ","))]}]}]}"#.utf8),
            message: .tracesRequest)
        let (file, gzip) = (bridge.directory.appending(path: "request"), bridge.directory.appending(path: "request.gz"))
        try Data(request).write(to: file)
        try Data(Compression.compress(request, coding: .gzip)).write(to: gzip)
        let output = bridge.directory.appending(path: "said")
        let words = arguments.split(separator: " ").map { word in
            [("{http}", "127.0.0.1:\(bridge.httpPort)"), ("{grpc}", "127.0.0.1:\(bridge.grpcPort)"), ("{file}", file.path),
                ("{gzip}", gzip.path), ("~", " ")].reduce(String(word)) { $0.replacing($1.0, with: $1.1) }
        }
        let process = try spawn(program, words, output: output.path)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        let said = try String(contentsOf: output, encoding: .utf8)
        #expect(status == 0, "\(said)")
        try body(said, sink, bridge)
        #expect(bridge.stop() == 0)
    }

    @Test(
        "curl over HTTP/1.1 and HTTP/2, with Expect, chunks and gzip",
        arguments: [
            "--http1.1 --data-binary @{file}", "--http1.1 --data-binary @{file} -H Expect:~100-continue",
            "--http1.1 --data-binary @{file} -H Transfer-Encoding:~chunked",
            "--http1.1 --data-binary @{gzip} -H Content-Encoding:~gzip", "--http2-prior-knowledge --data-binary @{file}",
            "--http2-prior-knowledge --data-binary @{gzip} -H Content-Encoding:~gzip",
        ], ["{http}", "{grpc}"])
    func curl(how: String, port: String) throws {
        try run(
            "curl", "-sS -v -X POST \(how) -H Content-Type:~application/x-protobuf http://\(port)/v1/traces"
        ) { said, sink, _ in
            #expect(said.contains("< HTTP/1.1 200") || said.contains("< HTTP/2 200"), "\(said)")
            try waitUntil("all 5,000 spans have arrived", seconds: 20) {
                try sink.all.reduce(0) { try $0 + JudgedSpan.all(in: $1.payload).count } == 5_000
            }
        }
    }

    @Test("nghttp, with padding and small windows", arguments: ["", "-b 100", "-w 10 -W 12", "--max-concurrent-streams=1 -m 3"])
    func nghttp(how: String) throws {
        try run(
            "nghttp", "-v \(how) -d {file} -H content-type:~application/x-protobuf http://{http}/v1/traces"
        ) { said, sink, _ in
            #expect(said.contains(":status: 200"), "\(said.suffix(2_000))")
            try waitUntil("all 5,000 spans have arrived", seconds: 20) {
                try sink.all.reduce(0) { try $0 + JudgedSpan.all(in: $1.payload).count } == 5_000
            }
        }
    }

    @Test("h2load, with many streams and connections", arguments: [(1, 100), (50, 10), (200, 1)])
    func h2load(connections: Int, streams: Int) throws {
        try run(
            "h2load",
            "-n 2000 -c \(connections) -m \(streams) -d {file} -H content-type:~application/x-protobuf http://{http}/v1/traces",
            spans: 10
        ) { said, _, bridge in
            #expect(said.contains("2000 succeeded, 0 failed, 0 errored, 0 timeout"), "\(said)")
            #expect(said.contains("2000 2xx, 0 3xx, 0 4xx, 0 5xx"), "\(said)")
            let metrics = try bridge.metrics
            let accepted = metrics.split(separator: "\n").first {
                $0.hasPrefix("spanbridge_receiver_accepted_records_total") && $0.contains("traces")
            }
            #expect(accepted?.hasSuffix(" 20000") == true, "\(accepted ?? "none")")
        }
    }
}
