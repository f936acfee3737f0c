import OTLP
import Synchronization
import Transport

/// Kestra's API as far as the relay asks it: recorded answers about executions, 404 for others, 401 without the right
/// password.
final class KestraStandIn: RequestHandler {
    private let records: [String: [UInt8]]
    private let asked = Mutex<[String: Int]>([:])
    private let loop: EventLoop
    private let server: Server
    private let address = Mutex(0)

    var port: Int { address.withLock { $0 } }

    init(_ records: [String: [UInt8]]) throws {
        self.records = records
        loop = try EventLoop(name: "kestra")
        server = Server(loops: [loop], limits: .defaults, connectionLimit: 10)
        let port = try server.listen(name: "kestra", host: "127.0.0.1", port: 0, handler: self)
        address.withLock { $0 = port }
        loop.start()
    }

    func stop() { loop.stop() }

    /// How often the most wanted execution was asked for.
    var most: Int { asked.withLock { $0.values.max() ?? 0 } }

    /// The configuration that lets the relay ask.
    var configuration: String {
        """
        enrichment:
          kestra_api: {endpoint: "http://127.0.0.1:\(port)", tenant: main, basic_auth: {username: test@example.com, password: Secret-1}}
        """
    }

    func admit(_ head: RequestHead) -> Admission { .accept(bodyLimit: 0) }

    func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response { .http(413) }

    func handle(_ request: Request, responder: Responder) {
        let path = request.head.path.split(separator: "/").map(String.init)
        let id = path.last ?? ""
        asked.withLock { $0[id, default: 0] += 1 }
        guard request.head.header("authorization") == "Basic " + Base64.encode(Array("test@example.com:Secret-1".utf8))
        else {
            responder.send(.http(401))
            return
        }
        guard path.dropLast() == ["api", "v1", "main", "executions"], let record = records[id] else {
            responder.send(.http(404))
            return
        }
        responder.send(.http(200, headers: [HeaderField("content-type", "application/json")], body: record))
    }
}
