import Foundation
import Synchronization

@testable import Transport

/// Nothing came in time.
struct TookTooLong: Error {}

/// A value that another thread sets once.
final class Waiter<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)
    private let signal = DispatchSemaphore(value: 0)

    func set(_ new: Value) {
        value.withLock { $0 = new }
        signal.signal()
    }

    func wait(seconds: Double = 20) throws -> Value {
        guard signal.wait(timeout: .now() + seconds) == .success else { throw TookTooLong() }
        signal.signal()
        guard let value = value.withLock({ $0 }) else { throw TookTooLong() }
        return value
    }
}

/// Values in the order of coming.
final class Collected<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])
    private let done = DispatchSemaphore(value: 0)

    func append(_ value: Value) { values.withLock { $0.append(value) } }
    var all: [Value] { values.withLock { $0 } }
    func threadDone() { done.signal() }
    func wait(threads: Int) { for _ in 0..<threads { done.wait() } }
}

/// Polls for what has no callback. Not a sleep: it ends as soon as the condition holds.
func eventually(seconds: Double = 20, _ condition: () -> Bool) throws {
    let end = EventLoop.deadline(after: UInt64(seconds * 1e9))
    while !condition() {
        guard EventLoop.now() < end else { throw TookTooLong() }
        usleep(500)
    }
}

/// The names of this process's threads.
func threadNames() -> [String] {
    let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
    return tasks.compactMap {
        (try? String(contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8))?
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

/// `/echo` gives the body back, `/later` does so from another thread, `/held` when the test says so, `/never` never,
/// `/big` answers with 8 MiB.
final class EchoHandler: RequestHandler {
    private struct State {
        var held: [(Responder, Response)] = []
        var queue = DispatchQueue(label: "later")
    }

    static let bigAnswer = 8 << 20
    private let state = Mutex(State())
    private let limit: Int

    init(limit: Int = 32 << 20) { self.limit = limit }

    func admit(_ head: RequestHead) -> Admission {
        head.path == "/forbidden" ? .refuse(.http(403)) : .accept(bodyLimit: limit)
    }

    func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response {
        head.wireProtocol == .grpc ? .grpc(GRPCStatus(code: 8, message: "too large")) : .http(413)
    }

    func handle(_ request: Request, responder: Responder) {
        let answer: Response =
            request.head.wireProtocol == .grpc
            ? .grpc(GRPCStatus(code: 0), message: request.body)
            : .http(
                200, headers: [HeaderField("content-type", "application/octet-stream")],
                body: request.head.path == "/big" ? [UInt8](repeating: 7, count: Self.bigAnswer) : request.body)
        switch request.head.path {
        case "/later": state.withLock { $0.queue }.async { responder.send(answer) }
        case "/held": state.withLock { $0.held.append((responder, answer)) }
        case "/never": state.withLock { $0.held.append((Responder { _ in }, answer)) }
        default:
            responder.send(answer)
            // The second answer has no effect.
            responder.send(.http(500))
        }
    }

    var heldCount: Int { state.withLock { $0.held.count } }

    /// Answers what was held, from the calling thread.
    func release() {
        let held = state.withLock { state in
            defer { state.held = [] }
            return state.held
        }
        for (responder, answer) in held { responder.send(answer) }
    }
}

/// A blocking socket to 127.0.0.1, with a time limit on reads.
final class RawSocket: Sendable {
    private let socket: Int32

    init(port: Int, receiveBuffer: Int32? = nil) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBuffer { setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, 4) }
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard let address = SocketAddress(host: "127.0.0.1", port: port),
            address.withSockaddr({ connect(socket, $0, address.length) }) == 0
        else { throw TransportError("connect", errno: errno) }
    }

    deinit { close(socket) }

    /// Bytes taken; fewer than given if the peer closed.
    @discardableResult
    func write(_ text: String) -> Int { write(Array(text.utf8)) }

    @discardableResult
    func write(_ bytes: [UInt8]) -> Int {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { break }
            sent += count
        }
        return sent
    }

    func closeWriting() { shutdown(socket, Int32(SHUT_WR)) }

    /// At most `limit` bytes; empty at the end.
    func read(_ limit: Int = 65_536) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            count = max(0, recv(socket, buffer.baseAddress, limit, 0))
        }
    }

    /// Reads until `condition` holds for what has come, or the end.
    func read(until condition: ([UInt8]) -> Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        while !condition(bytes) {
            let more = read()
            if more.isEmpty { break }
            bytes += more
        }
        return bytes
    }

    func readToEnd() -> [UInt8] { read { _ in false } }
}

/// A server with its loops, and clients to it.
final class Fixture {
    let loops: [EventLoop]
    let server: Server
    let handler: EchoHandler
    let port: Int
    let clientLoop: EventLoop

    init(
        loops count: Int = 1, limits: ServerLimits = .defaults, connectionLimit: Int = 1_000,
        host: String = "127.0.0.1",
        port: Int = 0, handler: EchoHandler = EchoHandler(), tls: TLSContext? = nil
    ) throws {
        loops = try (0..<count).map { try EventLoop(name: "server\($0)") }
        clientLoop = try EventLoop(name: "client")
        server = Server(loops: loops, limits: limits, connectionLimit: connectionLimit)
        self.handler = handler
        self.port = try server.listen(name: "test", host: host, port: port, handler: handler, tls: tls)
        for loop in loops + [clientLoop] { loop.start() }
    }

    deinit {
        clientLoop.stop()
        for loop in loops { loop.stop() }
    }

    func client(
        _ wireProtocol: WireProtocol, host: String = "127.0.0.1", connections: Int = 1, idle: UInt64 = 90_000_000_000,
        tls: TLSContext? = nil
    ) -> Client {
        Client(
            loop: clientLoop,
            endpoint: ClientEndpoint(host: host, port: port, tls: tls != nil, wireProtocol: wireProtocol),
            connections: connections, responseLimit: 32 << 20, idleTimeout: idle, tls: tls)
    }
}

extension Client {
    func send(_ request: ClientRequest) -> Waiter<Result<ClientResponse, ClientError>> {
        let waiter = Waiter<Result<ClientResponse, ClientError>>()
        send(request) { waiter.set($0) }
        return waiter
    }
}
