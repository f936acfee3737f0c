import Exporters
import OTLP
import Synchronization
import Testing
import Transport

/// A backend that fails the first request and takes the others in part.
private final class Backend: RequestHandler {
    let requests = Mutex<[Request]>([])

    func admit(_ head: RequestHead) -> Admission { .accept(bodyLimit: 1 << 20) }

    func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response { .http(413) }

    func handle(_ request: Request, responder: Responder) {
        let count = requests.withLock { requests in
            requests.append(request)
            return requests.count
        }
        let isGRPC = request.head.wireProtocol == .grpc
        if count == 1 {
            let failure = ExportFailure.unavailable("starting", retryAfter: nil)
            responder.send(
                isGRPC
                    ? .grpc(GRPCStatus(code: failure.grpcCode, message: failure.message, details: failure.statusBytes))
                    : .http(503, body: Array(failure.message.utf8)))
            return
        }
        let partial = PartialSuccess(signal: .traces, rejected: 2, message: "two of them").protobuf
        responder.send(isGRPC ? .grpc(GRPCStatus(code: 0), message: partial) : .http(200, body: partial))
    }
}

@Suite struct ExportOverSocketsTests {
    @Test(
        "C-10, C-12, C-13: retried, compressed, over one connection, with a real server",
        .timeLimit(.minutes(1)), arguments: [WireProtocol.http1, .grpc])
    func export(wireProtocol: WireProtocol) async throws {
        let serverLoop = try EventLoop(name: "server")
        let loop = try EventLoop(name: "exporter")
        serverLoop.start()
        loop.start()
        defer {
            loop.stop()
            serverLoop.stop()
        }
        let backend = Backend()
        let server = Server(loops: [serverLoop], limits: .defaults, connectionLimit: 10)
        let port = try server.listen(name: "otlp", host: "127.0.0.1", port: 0, handler: backend)
        let client = Client(
            loop: loop, endpoint: ClientEndpoint(host: "127.0.0.1", port: port, wireProtocol: wireProtocol),
            connections: 4, responseLimit: 4 << 20)

        var settings = ExporterSettings(name: "otlp/test", wireProtocol: wireProtocol, basePath: "", version: "1")
        settings.queue.initialInterval = 1_000_000
        settings.queue.batchTimeout = 0
        settings.queue.consumers = 1
        let (ends, continuation) = AsyncStream.makeStream(of: FinishedExport.self)
        let ledger = Ledger()
        let exporter = OTLPExporter(
            settings: settings, loop: loop, sender: client, onFinished: { continuation.yield($0) },
            onFailure: { ledger.fail($0) })

        var end = ends.makeAsyncIterator()
        let payload = [UInt8](repeating: 3, count: 50_000)
        for receipt in 0..<3 {
            let item = ExportItem(signal: .traces, payload: payload, records: 5, receipts: [UInt64(receipt)])
            #expect(exporter.submit(item) == .accepted)
            let finished = await end.next()
            #expect(finished?.receipts == [UInt64(receipt)])
            #expect(finished?.outcome == .delivered(rejected: 2))
            #expect(finished?.message == "two of them")
        }
        #expect(
            ledger.failures == [
                wireProtocol == .grpc ? "gRPC status 14 UNAVAILABLE: starting" : "HTTP status 503: starting"
            ])

        let requests = backend.requests.withLock { $0 }
        #expect(requests.count == 4)
        #expect(Set(requests.map(\.head.peer)).count == 1)
        for request in requests {
            let isGRPC = wireProtocol == .grpc
            #expect(request.head.wireProtocol == wireProtocol)
            #expect(request.grpcCompressed == isGRPC)
            #expect(request.head.header(isGRPC ? "grpc-encoding" : "content-encoding") == "gzip")
            #expect(request.head.header("content-type")?.hasPrefix("application/") == true)
            #expect(request.head.header("user-agent") == "OTel-OTLP-Exporter-spanbridge/1")
            #expect(try Inflation.inflate(request.body, coding: .gzip, limit: 50_000) == payload)
        }

        await withCheckedContinuation { done in
            exporter.drain(deadline: loop.time + seconds(5)) { done.resume() }
        }
        #expect(exporter.counters.signals.traces.delivered.records == 9)
        #expect(exporter.counters.signals.traces.rejectedRecords == 6)
    }
}
