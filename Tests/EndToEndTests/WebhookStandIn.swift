import OTLP
import Synchronization
import Transport

/// Kestra's webhook: remembers what it was sent, and answers as told.
final class WebhookStandIn: RequestHandler {
    struct Call: Sendable {
        var head: RequestHead
        var body: [UInt8]

        /// The event's id.
        var event: String { (try? JSONValue.parse(body))?["id"]?.string ?? "" }

        func values(_ name: String) -> [String] { head.headers.filter { $0.name == name }.map(\.value) }
    }

    static let path = "/api/v1/main/executions/webhook/acme/sync/s3cr3t-k3y"

    private let received = Mutex<[Call]>([])
    private let answer: @Sendable (_ call: Call, _ number: Int) -> Response
    private let loop: EventLoop
    private let server: Server
    private let address = Mutex(0)

    var port: Int { address.withLock { $0 } }

    /// - Parameters:
    ///   - port: 0 for any.
    ///   - tls: what it speaks TLS with.
    ///   - answer: given the call and how many came before.
    init(port: Int = 0, tls: TLSContext? = nil, _ answer: @escaping @Sendable (_ call: Call, _ number: Int) -> Response) throws {
        self.answer = answer
        loop = try EventLoop(name: "webhook")
        server = Server(loops: [loop], limits: .defaults, connectionLimit: 100)
        let bound = try server.listen(name: "webhook", host: "127.0.0.1", port: port, handler: self, tls: tls)
        address.withLock { $0 = bound }
        loop.start()
    }

    func stop() { loop.stop() }

    var calls: [Call] { received.withLock { $0 } }

    /// What newer versions of Kestra answer.
    static func started(_ execution: String) -> Response {
        let body = #"{"tenantId":"main","id":"\#(execution)","namespace":"acme","flowId":"sync","state":{"current":"CREATED"}}"#
        return .http(200, headers: [HeaderField("content-type", "application/json")], body: Array(body.utf8))
    }

    /// The configuration that forwards everything to a port.
    static func configuration(port: Int, scheme: String = "http", more: String = "") -> String {
        """
        cloudevents:
          forward_to: {endpoint: "\(scheme)://127.0.0.1:\(port)\(path)", retry_on_failure: {initial_interval: 100ms, max_interval: 300ms}\(more)}
        """
    }

    func admit(_ head: RequestHead) -> Admission { .accept(bodyLimit: 8 << 20) }

    func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response { .http(413) }

    func handle(_ request: Request, responder: Responder) {
        let call = Call(head: request.head, body: request.body)
        let number = received.withLock { calls in
            calls.append(call)
            return calls.count - 1
        }
        responder.send(answer(call, number))
    }
}
