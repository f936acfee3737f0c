/// Elements by deadline, the earliest first: a binary heap.
struct DeadlineQueue<Element> {
    private var heap: [(deadline: UInt64, element: Element)] = []

    /// The earliest deadline.
    var first: UInt64? { heap.first?.deadline }

    mutating func insert(_ element: Element, deadline: UInt64) {
        heap.append((deadline, element))
        var child = heap.count - 1
        while child > 0, heap[(child - 1) / 2].deadline > heap[child].deadline {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Takes the earliest element if it is due.
    mutating func popDue(now: UInt64) -> Element? {
        guard let first = heap.first, first.deadline <= now else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return first.element
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].deadline < heap[least].deadline {
                least = child
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
