import Exporters
import OTLP
import Synchronization
import Transport

/// A loop whose time and turns the test makes.
final class FakeLoop: ExportLoop {
    private struct State {
        var now: UInt64 = 1_000_000_000
        var posted: [@Sendable () -> Void] = []
        var timers: [(at: UInt64, work: @Sendable () -> Void)] = []
    }

    private let state = Mutex(State())

    func post(_ work: @escaping @Sendable () -> Void) { state.withLock { $0.posted.append(work) } }
    func wake(after nanoseconds: UInt64, _ work: @escaping @Sendable () -> Void) {
        state.withLock { $0.timers.append(($0.now + nanoseconds, work)) }
    }
    var time: UInt64 { state.withLock { $0.now } }
    var unixSeconds: UInt64 { 1_700_000_000 }

    /// Runs what is posted.
    func run() {
        while true {
            let work = state.withLock { state -> (@Sendable () -> Void)? in
                state.posted.isEmpty ? nil : state.posted.removeFirst()
            }
            guard let work else { return }
            work()
        }
    }

    /// Runs all timers up to so many nanoseconds from now, in order, and leaves the clock there.
    func advance(by nanoseconds: UInt64) {
        run()
        let end = time + nanoseconds
        while true {
            let work = state.withLock { state -> (@Sendable () -> Void)? in
                guard let index = state.timers.indices.min(by: { state.timers[$0].at < state.timers[$1].at }),
                    state.timers[index].at <= end
                else { return nil }
                let timer = state.timers.remove(at: index)
                state.now = max(state.now, timer.at)
                return timer.work
            }
            guard let work else { break }
            work()
            run()
        }
        state.withLock { $0.now = end }
    }
}

/// Keeps requests until the test answers them, or answers at once.
final class FakeSender: RequestSender {
    typealias Answer = Result<ClientResponse, ClientError>

    struct Call: Sendable {
        var request: ClientRequest
        var complete: @Sendable (Answer) -> Void
    }

    private let calls = Mutex<[Call]>([])
    private let closed = Mutex(false)
    /// Given: called before `send` returns.
    let immediate: (@Sendable (ClientRequest) -> Answer)?

    init(_ immediate: (@Sendable (ClientRequest) -> Answer)? = nil) { self.immediate = immediate }

    func send(_ request: ClientRequest, completion: @escaping @Sendable (Answer) -> Void) {
        calls.withLock { $0.append(Call(request: request, complete: completion)) }
        if let immediate { completion(immediate(request)) }
    }

    func close() { closed.withLock { $0 = true } }

    var sent: [Call] { calls.withLock { $0 } }
    var requests: [ClientRequest] { sent.map(\.request) }
    var isClosed: Bool { closed.withLock { $0 } }

    static func http(_ status: Int, _ headers: [HeaderField] = [], body: [UInt8] = []) -> Answer {
        .success(ClientResponse(status: status, headers: headers, body: body))
    }

    static func grpc(_ code: Int, message: String = "", details: [UInt8] = [], body: [UInt8] = []) -> Answer {
        .success(
            ClientResponse(
                status: 200, body: body, grpcStatus: GRPCStatus(code: code, message: message, details: details)))
    }
}

/// Keeps what exporters say.
final class Ledger: Sendable {
    private let all = Mutex<[FinishedExport]>([])
    private let messages = Mutex<[String]>([])

    func add(_ finished: FinishedExport) { all.withLock { $0.append(finished) } }
    func fail(_ message: String) { messages.withLock { $0.append(message) } }

    var finished: [FinishedExport] { all.withLock { $0 } }
    var outcomes: [ExportOutcome] { finished.map(\.outcome) }
    var failures: [String] { messages.withLock { $0 } }
}
