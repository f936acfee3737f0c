/// One accepted connection as a machine: bytes in, requests out; answers in, bytes out. No sockets, no clock. Tells
/// HTTP/1.1 from HTTP/2 by the first bytes, on every port.
///
/// Confined to one event loop. `now` is monotonic time in nanoseconds. After every call the driver looks at
/// `nextRequest`, `hasOutput`, `wantsRead`, `isFinished` and `deadline`.
final class ServerConnection {
    /// What every HTTP/2 client sends first (RFC 9113, 3.4).
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private let limits: ServerLimits
    private let handler: any RequestHandler
    private let peer: String
    private let listener: String
    /// nil until the protocol is known.
    private var machine: (any ServerMachine)?
    /// So many bytes of the preface came; they are not stored, being known.
    private var prefaceBytes = 0
    private let started: UInt64
    private var endedEarly = false

    init(limits: ServerLimits, handler: any RequestHandler, peer: String, listener: String, now: UInt64) {
        self.limits = limits
        self.handler = handler
        self.peer = peer
        self.listener = listener
        started = now
    }

    /// Takes what the peer sent, in any split. The bytes need to stay valid only during the call.
    func receive(_ bytes: UnsafeRawBufferPointer, now: UInt64) {
        if let machine { return machine.receive(bytes, now: now) }
        guard !endedEarly else { return }
        var position = 0
        while position < bytes.count, prefaceBytes < Self.preface.count {
            guard bytes[position] == Self.preface[prefaceBytes] else {
                let http1 = HTTP1Server(limits: limits, handler: handler, peer: peer, listener: listener, now: now)
                return adopt(http1, then: bytes[position...], now: now)
            }
            position += 1
            prefaceBytes += 1
        }
        guard prefaceBytes == Self.preface.count else { return }
        let http2 = HTTP2Server(limits: limits, handler: handler, peer: peer, listener: listener, now: now)
        adopt(http2, then: bytes[position...], now: now)
    }

    private func adopt(_ machine: any ServerMachine, then rest: Slice<UnsafeRawBufferPointer>, now: UInt64) {
        self.machine = machine
        Self.preface.withUnsafeBytes {
            machine.receive(UnsafeRawBufferPointer(rebasing: $0.prefix(prefaceBytes)), now: now)
        }
        machine.receive(UnsafeRawBufferPointer(rebasing: rest), now: now)
    }

    /// The peer has closed its side; requests that came whole are still answered over HTTP/1.1.
    func receiveEnd(now: UInt64) {
        if let machine { machine.receiveEnd(now: now) } else { endedEarly = true }
    }

    /// The next whole request. To be drained after `receive`, `respond` and `tick`; the driver gives it to
    /// `handler.handle` with a responder that comes back to `respond`.
    func nextRequest() -> (stream: Int32, request: Request)? { machine?.nextRequest() }

    /// Answers a request. Streams that are not known, closed or answered are ignored.
    func respond(_ response: Response, to stream: Int32, now: UInt64) {
        machine?.respond(response, to: stream, now: now)
    }

    /// Appends everything that may be sent now. Call it only when the socket takes more: what is not taken for
    /// `bodyTimeout` ends the connection, and what waits here makes `wantsRead` false.
    func takeOutput(into output: inout [UInt8]) { machine?.takeOutput(into: &output) }

    /// Whether `takeOutput` has something.
    var hasOutput: Bool { machine?.hasOutput ?? false }

    /// Whether the driver should read on; false is back pressure.
    var wantsRead: Bool { machine?.wantsRead ?? !endedEarly }

    /// Whether the connection is to be closed once all output is sent.
    var isFinished: Bool { machine?.isFinished ?? endedEarly }

    /// Finishes what is in flight and takes nothing new: GOAWAY, or `connection: close`.
    func beginShutdown(now: UInt64) {
        if let machine { machine.beginShutdown(now: now) } else { endedEarly = true }
    }

    /// When `tick` must be called at the latest; nil for never. May be earlier than anything that happens.
    var deadline: UInt64? {
        if let machine { return machine.deadline }
        return endedEarly ? nil : later(started, limits.headTimeout)
    }

    /// Lets time pass: ends what took too long.
    func tick(now: UInt64) {
        if let machine { return machine.tick(now: now) }
        if now >= later(started, limits.headTimeout) { endedEarly = true }
    }

    /// The first misuse for which the connection was given up; nil if it was not.
    var fault: ConnectionFault? { machine?.fault }

    /// Requests that are being read or answered.
    var activeRequests: Int { machine?.activeRequests ?? 0 }
}
