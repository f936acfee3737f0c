/// Calls in the order of sending; those that are done meanwhile (timed out) are skipped. Confined to its loop's thread.
struct CallQueue {
    private var calls: [ClientCall?] = []
    private var head = 0
    /// Calls that wait.
    private(set) var count = 0

    mutating func append(_ call: ClientCall) {
        calls.append(call)
        count += 1
    }

    mutating func popFirst() -> ClientCall? {
        while head < calls.count {
            let call = calls[head]
            calls[head] = nil
            head += 1
            compact()
            if let call, !call.isDone {
                count -= 1
                return call
            }
        }
        return nil
    }

    /// A call ended while it waited.
    mutating func didEnd() {
        count -= 1
        // Sweep once the ended ones are the majority, so that the queue's memory follows the number of waiting calls.
        guard calls.count - head > 2 * count + 16 else { return }
        calls = calls[head...].filter { $0?.isDone == false }
        head = 0
    }

    mutating func removeAll() -> [ClientCall] {
        let left = calls[head...].compactMap { $0 }.filter { !$0.isDone }
        self = CallQueue()
        return left
    }

    private mutating func compact() {
        guard head >= 32, head * 2 >= calls.count else { return }
        calls.removeFirst(head)
        head = 0
    }
}
