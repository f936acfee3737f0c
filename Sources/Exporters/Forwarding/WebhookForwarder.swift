package import Metrics
import Synchronization
import Transport

/// Calls one webhook for each event it is given.
package final class WebhookForwarder: @unchecked Sendable {
    // @unchecked: `queue`, `isPumping`, `answers`, `wakeAt` and `idle` belong to the loop's thread and are touched only
    // there. The rest is immutable or safe by itself.
    package let settings: WebhookSettings
    private let loop: any ExportLoop
    private let sender: any RequestSender
    private let headers: [HeaderField]
    private let onEnd: @Sendable (ForwardEnd) -> Void
    private let onFailure: @Sendable (String) -> Void
    private let published = Mutex(ForwardCounters())
    private let duration = Histogram(bounds: Histogram.secondsBounds)
    private var queue: ForwardQueue
    private var answers: [(id: UInt64, result: Result<ClientResponse, ClientError>)] = []
    private var isPumping = false
    private var wakeAt: UInt64?
    private var idle: [@Sendable () -> Void] = []

    /// `onEnd` hears of every accepted event once; `onFailure` gets a sentence for each call that did not deliver, without
    /// the webhook's key. Both are called on the loop; `onEnd` may offer more.
    package init(
        settings: WebhookSettings, loop: any ExportLoop, sender: any RequestSender,
        random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
        onEnd: @escaping @Sendable (ForwardEnd) -> Void, onFailure: @escaping @Sendable (String) -> Void
    ) {
        self.settings = settings
        self.loop = loop
        self.sender = sender
        self.onEnd = onEnd
        self.onFailure = onFailure
        queue = ForwardQueue(settings: settings.queue, random: random)
        let own = [
            HeaderField("content-type", "application/cloudevents+json"),
            HeaderField("user-agent", "spanbridge/\(settings.version)"),
        ]
        let configured = settings.headers.map { HeaderField($0.name.lowercased(), $0.value) }
        headers = configured + own.filter { field in !configured.contains { $0.name == field.name } }
        published.withLock { $0 = queue.counters }
    }

    /// As of the loop's last turn. Any thread.
    package var counters: ForwardCounters { published.withLock { $0 } }

    /// Takes an event, or says false if there is no room now; `onEnd` of another tells when to try again. On the loop.
    package func offer(_ item: ForwardItem) -> Bool {
        guard queue.offer(item) else { return false }
        pump()
        return true
    }

    /// Counts an event that was lost before it could be offered. On the loop.
    package func noteUnreadable() {
        queue.count(.unreadable)
        publish()
    }

    /// Sends nothing more, and calls back when no call is without an answer. On the loop.
    package func stop(_ completion: @escaping @Sendable () -> Void) {
        queue.stop()
        idle.append(completion)
        pump()
    }

    /// Does all that can be done now. What comes while it runs is left for its next round.
    private func pump() {
        guard !isPumping else { return }
        isPumping = true
        repeat {
            let taken = answers
            answers = []
            for (id, result) in taken {
                let attempt = ForwardAttempt(
                    result, responseLimit: settings.responseLimit, unixSeconds: loop.unixSeconds)
                if case .retry(_, _, let message) = attempt { onFailure(message) }
                if let end = queue.completed(id, attempt, now: loop.time) { onEnd(end) }
            }
            while let (id, item) = queue.next(now: loop.time) { send(id, item) }
        } while !answers.isEmpty
        isPumping = false
        publish()
        wakeLater()
        if !idle.isEmpty, queue.isIdle {
            let completions = idle
            idle = []
            sender.close()
            completions.forEach { $0() }
        }
    }

    private func send(_ id: UInt64, _ item: ForwardItem) {
        // The event's context goes along only as a whole, and what the user configured is not replaced.
        let isOwnContext = headers.contains { $0.name == "traceparent" }
        let added = isOwnContext ? [] : item.headers.filter { field in !headers.contains { $0.name == field.name } }
        let start = loop.time
        sender.send(
            ClientRequest(
                target: settings.target, headers: headers + added, body: item.body, timeout: settings.timeout)
        ) { result in
            self.duration.observe(Double(self.loop.time &- start) / 1e9)
            self.answers.append((id, result))
            self.pump()
        }
    }

    private func publish() { published.withLock { $0 = queue.counters } }

    private func wakeLater() {
        guard let deadline = queue.deadline else { return }
        let now = loop.time
        if let wakeAt, wakeAt <= deadline { return }
        wakeAt = deadline
        loop.wake(after: deadline > now ? deadline - now : 0) {
            // A timer that was overtaken by an earlier one still comes; one turn more does no harm.
            if self.wakeAt == deadline { self.wakeAt = nil }
            self.pump()
        }
    }
}

extension WebhookForwarder {
    /// Registers the series of this webhook, with the label `route` = its name.
    package func register(in registry: MetricRegistry) {
        let label = MetricLabel("route", settings.name)
        let counts: [(String, MetricKind, String, @Sendable (ForwardCounters) -> UInt64)] = [
            ("accepted_events_total", .counter, "Events taken into the queue of the webhook.", { $0.accepted }),
            ("requests_total", .counter, "Calls of the webhook.", { $0.requests }),
            ("failed_requests_total", .counter, "Calls that did not deliver.", { $0.failedRequests }),
            ("retries_total", .counter, "Calls that were not the first of their event.", { $0.retries }),
            ("pauses_total", .counter, "Times that all events had to wait for the webhook.", { $0.pauses }),
            ("queue_events", .gauge, "Events held, queued or in flight.", { UInt64(clamping: $0.queueEvents) }),
            ("queue_bytes", .gauge, "Bytes of them.", { UInt64(clamping: $0.queueBytes) }),
            ("queue_capacity_bytes", .gauge, "What queue_bytes may reach.", { UInt64(clamping: $0.queueBytesCapacity) }),
            ("in_flight_requests", .gauge, "Calls without an answer yet.", { UInt64(clamping: $0.inFlight) }),
            ("waiting_retries", .gauge, "Events that wait for another attempt.", { UInt64(clamping: $0.waitingRetries) }),
        ]
        for (name, kind, help, value) in counts {
            registry.register("spanbridge_forward_\(name)", kind, help: help) {
                [MetricPoint(labels: [label], value: .integer(value(self.counters)))]
            }
        }
        registry.register("spanbridge_forward_events_total", .counter, help: "Events whose forwarding ended, by outcome.") {
            let ended = self.counters.ended
            // A series that is there before its first event can be alerted on.
            return ForwardOutcome.names.map {
                MetricPoint(labels: [label, MetricLabel("outcome", $0)], value: .integer(ended[$0] ?? 0))
            }
        }
        registry.register(
            "spanbridge_forward_refused_events_total", .counter, help: "Events that the webhook refused, by status."
        ) {
            self.counters.refused.sorted { $0.key < $1.key }.map {
                MetricPoint(labels: [label, MetricLabel("status", "\($0.key)")], value: .integer($0.value))
            }
        }
        registry.register(
            "spanbridge_forward_duration_seconds", .histogram, help: "How long calls of the webhook took.",
            unit: "seconds"
        ) { [MetricPoint(labels: [label], value: self.duration.value)] }
    }
}
