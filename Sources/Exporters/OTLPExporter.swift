import OTLP
import Synchronization
import Transport

/// Sends telemetry to one OTLP backend. Anyone may submit; everything else happens on one event loop, where the
/// client's completions also arrive.
package final class OTLPExporter: @unchecked Sendable {
    /// What `submit` says.
    package enum Submission: Sendable, Hashable {
        /// Each accepted item ends in one call of `onFinished`.
        case accepted
        /// The queue is full (`sending_queue.size`); nothing was kept.
        case full
        /// This exporter does not export the signal; nothing is to be done.
        case disabled
        /// The exporter is shutting down; nothing was kept.
        case closed
    }

    private struct Answer {
        var dispatch: UInt64
        var signal: Signal
        var result: Result<ClientResponse, ClientError>
    }

    package let settings: ExporterSettings
    private let loop: any ExportLoop
    private let sender: any RequestSender
    private let requests: ExportRequests
    private let door: ExportDoor
    private let onFinished: @Sendable (FinishedExport) -> Void
    private let onFailure: @Sendable (String) -> Void
    private let published: Mutex<ExporterCounters>
    /// What came through the door and is not in the queue yet.
    private let inbox = Mutex<[ExportItem]>([])

    // @unchecked: what follows belongs to the loop's thread and is touched only in work posted or scheduled there and
    // in the client's completions.
    private var queue: ExportQueue
    private var answers: [Answer] = []
    private var isPumping = false
    private var wakeAt: UInt64?
    private var payloadBytes = 0
    private var wireBytes = 0
    private var drained: [@Sendable () -> Void] = []

    /// `onFinished` hears of every accepted item once; `onFailure` gets a sentence for each failed attempt (an owner
    /// that logs it limits the rate). Both are called on the loop and must not block.
    package init(
        settings: ExporterSettings, loop: any ExportLoop, sender: any RequestSender,
        random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
        onFinished: @escaping @Sendable (FinishedExport) -> Void,
        onFailure: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.settings = settings
        self.loop = loop
        self.sender = sender
        self.onFinished = onFinished
        self.onFailure = onFailure
        requests = ExportRequests(settings)
        door = ExportDoor(settings: settings.queue)
        queue = ExportQueue(settings: settings.queue, random: random)
        published = Mutex(queue.counters)
    }

    /// Hands an item over. Any thread.
    package func submit(_ item: ExportItem) -> Submission {
        guard settings.signals.contains(item.signal) else { return .disabled }
        guard !door.isClosed else {
            door.refuse(item)
            return .closed
        }
        guard door.enter(item) else { return .full }
        let isFirst = inbox.withLock { inbox in
            inbox.append(item)
            return inbox.count == 1
        }
        if isFirst { loop.post { self.takeInbox() } }
        return .accepted
    }

    /// Takes nothing more, and sends what is held until `deadline` (in the loop's time). What is left then ends with
    /// the reason `shutdown`. When nothing is held any more the sender is closed and `completion` is called on the
    /// loop. Any thread.
    package func drain(deadline: UInt64, completion: @escaping @Sendable () -> Void) {
        door.close()
        loop.post {
            self.queue.beginDrain(deadline: deadline)
            self.drained.append(completion)
            self.pump()
        }
    }

    /// As of the loop's last turn. Any thread.
    package var counters: ExporterCounters {
        var counters = published.withLock { $0 }
        counters.refusedItems = door.refused
        counters.refusedRecords = door.refusedRecords
        return counters
    }

    // MARK: On the loop

    private func takeInbox() {
        let items = inbox.withLock { inbox in
            defer { inbox = [] }
            return inbox
        }
        for item in items where queue.offer(item, now: loop.time) == .full { refuse(item) }
        pump()
    }

    /// Ends an item that came through the door just before that was closed.
    private func refuse(_ item: ExportItem) {
        door.leave(items: 1, bytes: item.payload.count)
        door.refuse(item)
        onFinished(
            FinishedExport(
                receipts: item.receipts, signal: item.signal, items: 1, records: item.records,
                bytes: item.payload.count, outcome: .dropped(.shutdown), message: "the exporter is shutting down"))
    }

    /// Does all that can be done now. A completion that arrives while it runs is left for its next round.
    private func pump() {
        guard !isPumping else { return }
        isPumping = true
        repeat {
            for answer in takeAnswers() {
                let outcome = AttemptOutcome(
                    answer.result, signal: answer.signal, responseLimit: settings.responseLimit,
                    unixSeconds: loop.unixSeconds)
                if let message = outcome.failure { onFailure(message) }
                end(queue.completed(answer.dispatch, outcome, now: loop.time))
            }
            while let dispatch = queue.next(now: loop.time) { send(dispatch) }
            end(queue.takeFinished())
        } while !answers.isEmpty
        isPumping = false
        publish()
        wakeLater()
        if !drained.isEmpty, queue.isEmpty {
            let completions = drained
            drained = []
            sender.close()
            completions.forEach { $0() }
        }
    }

    private func takeAnswers() -> [Answer] {
        let taken = answers
        answers = []
        return taken
    }

    private func send(_ dispatch: Dispatch) {
        let request = requests.request(for: dispatch)
        payloadBytes += dispatch.payload.count
        wireBytes += request.body.count
        sender.send(request) { result in
            self.answers.append(Answer(dispatch: dispatch.id, signal: dispatch.signal, result: result))
            self.pump()
        }
    }

    private func end(_ finished: [FinishedExport]) {
        for export in finished {
            door.leave(items: export.items, bytes: export.bytes)
            onFinished(export)
        }
    }

    private func publish() {
        var counters = queue.counters
        counters.payloadBytes = payloadBytes
        counters.wireBytes = wireBytes
        published.withLock { $0 = counters }
    }

    private func wakeLater() {
        guard let deadline = queue.deadline else { return }
        if let wakeAt, wakeAt <= deadline { return }
        wakeAt = deadline
        let now = loop.time
        loop.wake(after: deadline > now ? deadline - now : 0) {
            // A timer that was overtaken by an earlier one still comes; one turn more does no harm.
            if self.wakeAt == deadline { self.wakeAt = nil }
            self.pump()
        }
    }
}
