package import Metrics
import OTLP
import Synchronization
package import Transport
import Wire

/// Where Kestra's API is and how to be let in.
package struct KestraAPISettings: Sendable {
    package var endpoint: ClientEndpoint
    /// What stands before `/api/v1`; empty for nothing.
    package var basePath = ""
    package var tenant = "main"
    /// The `authorization` header; nil to send none. It is a secret.
    package var authorization: String?
    /// Bytes of an answer.
    package var responseLimit = 4 << 20
    /// For one request, nanoseconds.
    package var timeout: UInt64 = 10_000_000_000
    package var lookup = LookupSettings()
    /// Under which names flows get their event and context.
    package var inputs = InputNames.common
    /// How to encrypt, if `endpoint` says so; nil trusts the system's authorities.
    package var tls: TLSContext?

    package init(endpoint: ClientEndpoint) { self.endpoint = endpoint }
}

/// Asks Kestra about executions, on one loop.
package final class KestraAPIClient: @unchecked Sendable {
    // Confined to `loop`'s thread: lookup, timer, armedFor, isClosed. The rest is immutable or safe by itself.
    private let settings: KestraAPISettings
    private let loop: EventLoop
    private let client: Client
    private let path: String
    private let headers: [HeaderField]
    private let onRecord: @Sendable (ExecutionRecord) -> Void
    private let onFailure: @Sendable (String) -> Void
    private var lookup: ExecutionLookup
    private var timer: TimerToken?
    private var armedFor: UInt64 = .max
    private var isClosed = false
    private let latest = Mutex(LookupCounters())

    /// - Parameters:
    ///   - onRecord: takes each record that tells something new, on the loop.
    ///   - onFailure: takes what went wrong in words, without secrets, on the loop.
    package init(
        settings: KestraAPISettings, loop: EventLoop, onRecord: @escaping @Sendable (ExecutionRecord) -> Void,
        onFailure: @escaping @Sendable (String) -> Void
    ) {
        self.settings = settings
        self.loop = loop
        self.onRecord = onRecord
        self.onFailure = onFailure
        client = Client(
            loop: loop, endpoint: settings.endpoint, connections: settings.lookup.inFlight,
            responseLimit: settings.responseLimit, tls: settings.tls)
        lookup = ExecutionLookup(settings: settings.lookup)
        path = "\(settings.basePath)/api/v1/\(percentEncoded(settings.tenant))/executions/"
        // Kestra makes no span for a call whose caller does not sample: questions about telemetry must not become
        // telemetry. The ids only have to be valid.
        var headers = [
            HeaderField("accept", "application/json"),
            HeaderField("traceparent", "00-7370616e627269646765000000000001-6272696467650001-00"),
        ]
        if let authorization = settings.authorization { headers.append(HeaderField("authorization", authorization)) }
        self.headers = headers
    }

    /// Any thread.
    package var counters: LookupCounters { latest.withLock { $0 } }

    /// Asks about an execution soon, as far as the limits allow. From any thread.
    package func ask(_ id: String) {
        loop.post {
            guard !self.isClosed else { return }
            self.lookup.ask(id, now: EventLoop.now())
            self.run()
        }
    }

    /// Asks nothing more. From any thread.
    package func close() {
        loop.post {
            self.isClosed = true
            self.timer?.cancel()
            self.timer = nil
            self.client.close()
        }
    }

    private func run() {
        let now = EventLoop.now()
        for id in lookup.takeRequests(now: now) { request(id) }
        latest.withLock { $0 = lookup.counters }
        let next = lookup.deadline() ?? .max
        guard next != armedFor else { return }
        timer?.cancel()
        timer = nil
        armedFor = next
        guard next != .max else { return }
        timer = loop.schedule(after: next > now ? next - now : 0) {
            self.armedFor = .max
            if !self.isClosed { self.run() }
        }
    }

    private func request(_ id: String) {
        // Safe in a path: the lookup lets only letters, digits, `-` and `_` pass.
        let request = ClientRequest(method: "GET", target: path + id, headers: headers, timeout: settings.timeout)
        client.send(request) { result in
            guard !self.isClosed else { return }
            self.take(result, of: id)
            self.run()
        }
    }

    private func take(_ result: Result<ClientResponse, ClientError>, of id: String) {
        var found: ExecutionRecord?
        let answer: ExecutionLookup.Answer
        switch result {
        case .success(let response) where response.status == 200:
            found = ExecutionRecord.parse(response.body, names: settings.inputs).flatMap { $0.id == id ? $0 : nil }
            if let found {
                answer = .found(fingerprint: Fingerprint.of(found.encode()), isFinal: found.hasEnded)
            } else {
                answer = .unusable
                fail("The answer about execution \(id) is no record of it (\(response.body.count) bytes).")
            }
        case .success(let response):
            switch response.status {
            case 404: answer = .missing
            case 401, 403, 408, 429, 500...599:
                answer = .unavailable
                let advice =
                    response.status == 401 || response.status == 403
                    ? " Check basic_auth or bearer_token of enrichment.kestra_api." : ""
                fail("HTTP \(response.status).\(advice)")
            default:
                answer = .unusable
                fail("HTTP \(response.status). Check endpoint and tenant of enrichment.kestra_api.")
            }
        case .failure(.responseTooLarge(let limit)):
            answer = .unusable
            fail("The answer about execution \(id) has more than \(limit) bytes.")
        case .failure(let error):
            answer = .unavailable
            fail("\(error)")
        }
        if lookup.finish(id, answer, now: EventLoop.now()), let found { onRecord(found) }
    }

    private func fail(_ message: String) {
        onFailure("\(settings.endpoint.authority): \(message)")
    }
}

extension KestraAPIClient {
    /// Adds the series of this client.
    package func register(in registry: MetricRegistry) {
        let counts: [(String, MetricKind, String, @Sendable (LookupCounters) -> UInt64)] = [
            ("asked_executions_total", .counter, "Times that something was to be known about an execution.", { $0.asked }),
            ("refused_executions_total", .counter, "Of these, not taken: too many wait, or the id is none of Kestra's.", { $0.refused }),
            ("requests_total", .counter, "Requests to the Kestra API.", { $0.requests }),
            ("given_up_executions_total", .counter, "Executions given up: Kestra does not know them, or was asked often enough.", { $0.givenUp }),
            ("waiting_executions", .gauge, "Executions that wait for a request.", { UInt64(clamping: $0.waiting) }),
            ("in_flight_requests", .gauge, "Requests on their way.", { UInt64(clamping: $0.inFlight) }),
            ("remembered_executions", .gauge, "Executions that wait or whose answer is remembered.", { UInt64(clamping: $0.remembered) }),
            ("paused", .gauge, "1 while nothing is asked because the Kestra API failed too often.", { $0.isPaused ? 1 : 0 }),
        ]
        for (name, kind, help, value) in counts {
            registry.register("spanbridge_kestra_api_\(name)", kind, help: help) { Double(value(self.counters)) }
        }
        registry.register("spanbridge_kestra_api_answers_total", .counter, help: "Answers by what they were good for.") {
            let counters = self.counters
            return [
                ("found", counters.found), ("missing", counters.missing), ("unavailable", counters.unavailable),
                ("unusable", counters.unusable),
            ].map { MetricPoint(labels: [MetricLabel("outcome", $0.0)], Double($0.1)) }
        }
    }
}

/// All but RFC 3986's unreserved characters as `%XX`.
private func percentEncoded(_ text: String) -> String {
    text.utf8.reduce(into: "") { encoded, byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            encoded.unicodeScalars.append(UnicodeScalar(byte))
        default:
            let hex = String(byte, radix: 16, uppercase: true)
            encoded += hex.utf8.count == 1 ? "%0\(hex)" : "%\(hex)"
        }
    }
}
