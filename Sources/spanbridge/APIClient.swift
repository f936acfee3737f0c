import Configuration
import Dispatch
import OTLP
import Synchronization
import Transport

/// Asks the API of a running relay, one question at a time.
final class APIClient: Sendable {
    private let loop: EventLoop
    private let client: Client
    private let endpoint: RemoteEndpoint
    /// From `SPANBRIDGE_API_TOKEN`, one of the relay's `api.auth.tokens`.
    private let token: String?

    /// - Throws: `TransportError` if the machine gives no event loop.
    init(_ endpoint: RemoteEndpoint, _ environment: [String: String]) throws {
        self.endpoint = endpoint
        token = environment["SPANBRIDGE_API_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
        loop = try EventLoop(name: "api-client")
        client = Client(
            loop: loop,
            endpoint: ClientEndpoint(
                host: endpoint.host, port: endpoint.port, tls: endpoint.scheme == .https, wireProtocol: .http1,
                authority: "\(endpoint.host):\(endpoint.port)"),
            connections: 1, responseLimit: 256 << 20)
        loop.start()
    }

    deinit {
        client.close()
        loop.stop()
    }

    /// The body of a successful answer; otherwise prints what went wrong and returns how the program should end.
    func get(_ path: String) -> Result<[UInt8], CommandFailure> {
        send("GET", path, [], type: nil)
    }

    /// The same for a body that is posted.
    func post(_ path: String, _ body: [UInt8], type: String) -> Result<[UInt8], CommandFailure> {
        send("POST", path, body, type: type)
    }

    private func send(
        _ method: String, _ path: String, _ body: [UInt8], type: String?
    ) -> Result<[UInt8], CommandFailure> {
        let outcome = Mutex<Result<ClientResponse, ClientError>?>(nil)
        let answered = DispatchSemaphore(value: 0)
        var headers = [HeaderField("accept", "application/json")]
        if let token { headers.append(HeaderField("authorization", "Bearer \(token)")) }
        if let type { headers.append(HeaderField("content-type", type)) }
        let request = ClientRequest(
            method: method, target: endpoint.path + path, headers: headers, body: body,
            grpcCompressed: false, timeout: 30_000_000_000)
        client.send(request) { result in
            outcome.withLock { $0 = result }
            answered.signal()
        }
        answered.wait()
        switch outcome.withLock({ $0 }) {
        case .success(let response) where response.status / 100 == 2: return .success(response.body)
        case .success(let response):
            return .failure(failure(response))
        case .failure(let error):
            return .failure(
                CommandFailure(
                    code: .unavailable,
                    message: "The relay's API at \(endpoint) does not answer: \(error). Is `spanbridge serve` running?"))
        case nil:
            return .failure(CommandFailure(code: .failure, message: "No answer came."))
        }
    }

    private func failure(_ response: ClientResponse) -> CommandFailure {
        let problem = try? JSONValue.parse(response.body)
        if response.status == 401 {
            return CommandFailure(
                code: .failure,
                message: "The relay's API asks for a token: set SPANBRIDGE_API_TOKEN to one of its api.auth.tokens.")
        }
        var lines = [problem?["detail"]?.string ?? "The relay answered with status \(response.status)."]
        for candidate in problem?["candidates"]?.array ?? [] {
            let names = ["source", "tenant"].compactMap { name in
                candidate[name]?.string.flatMap { $0.isEmpty ? nil : "--\(name) \($0)" }
            }
            lines.append("  " + names.joined(separator: " "))
        }
        let code: ExitCode = [404, 409].contains(response.status) ? .notFound : .failure
        return CommandFailure(
            code: code, message: lines.joined(separator: "\n"), isUnknown: response.status == 404)
    }
}

/// Why a command ends without success.
struct CommandFailure: Error {
    var code: ExitCode
    var message: String
    /// Whether the relay knows nothing by the name that was asked for.
    var isUnknown = false
}

/// A text as it may stand in a path segment or a query value.
func percentEncoded(_ text: String) -> String {
    var encoded = ""
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            encoded.unicodeScalars.append(Unicode.Scalar(byte))
        default:
            let digits = String(byte, radix: 16, uppercase: true)
            encoded += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
        }
    }
    return encoded
}
