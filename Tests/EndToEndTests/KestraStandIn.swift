import OTLP
import Synchronization
import Transport

/// Kestra's API as far as the relay asks it: recorded answers about executions, 404 for others, 401 without the right
/// password.
final class KestraStandIn: RequestHandler {
    private let records: [String: [UInt8]]
    private let asked = Mutex<[String: Int]>([:])
    private let authorization: String
    /// How often each execution is answered with 404 first, as if the index lagged behind.
    private let misses: Int
    private let isEncrypted: Bool
    private let loop: EventLoop
    private let server: Server
    private let address = Mutex(0)

    var port: Int { address.withLock { $0 } }

    /// - Parameters:
    ///   - misses: with how many 404 each execution begins.
    ///   - authorization: the header that is let in.
    init(
        _ records: [String: [UInt8]], misses: Int = 0,
        authorization: String = "Basic " + Base64.encode(Array("test@example.com:Secret-1".utf8)),
        tls: TLSContext? = nil
    ) throws {
        self.records = records
        self.misses = misses
        self.authorization = authorization
        isEncrypted = tls != nil
        loop = try EventLoop(name: "kestra")
        server = Server(loops: [loop], limits: .defaults, connectionLimit: 10)
        let port = try server.listen(name: "kestra", host: "127.0.0.1", port: 0, handler: self, tls: tls)
        address.withLock { $0 = port }
        loop.start()
    }

    func stop() { loop.stop() }

    /// How often the most wanted execution was asked for.
    var most: Int { asked.withLock { $0.values.max() ?? 0 } }

    /// The configuration that lets the relay ask.
    var configuration: String {
        configuration(credentials: "basic_auth: {username: test@example.com, password: Secret-1}")
    }

    /// - Parameter more: further keys.
    func configuration(credentials: String, _ more: String = "") -> String {
        """
        enrichment:
          kestra_api: {endpoint: "http\(isEncrypted ? "s" : "")://127.0.0.1:\(port)", tenant: main, \(credentials)\(more)}
        """
    }

    func admit(_ head: RequestHead) -> Admission { .accept(bodyLimit: 0) }

    func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response { .http(413) }

    func handle(_ request: Request, responder: Responder) {
        let path = request.head.path.split(separator: "/").map(String.init)
        let id = path.last ?? ""
        let times = asked.withLock { asked in
            asked[id, default: 0] += 1
            return asked[id] ?? 0
        }
        guard request.head.header("authorization") == authorization else {
            responder.send(.http(401))
            return
        }
        guard path.dropLast() == ["api", "v1", "main", "executions"], times > misses,
            let record = records[id]
        else {
            responder.send(.http(404))
            return
        }
        responder.send(.http(200, headers: [HeaderField("content-type", "application/json")], body: record))
    }
}
