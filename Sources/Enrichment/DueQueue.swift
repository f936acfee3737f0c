/// Ids by the time at which they are due, the earliest first: a binary heap. An id may be in it more than once.
struct DueQueue: Sendable {
    private var heap: [(due: UInt64, id: String)] = []

    var first: (due: UInt64, id: String)? { heap.first }

    var count: Int { heap.count }

    mutating func insert(_ id: String, due: UInt64) {
        heap.append((due, id))
        var child = heap.count - 1
        while child > 0, heap[(child - 1) / 2].due > heap[child].due {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func removeFirst() {
        guard let last = heap.popLast(), !heap.isEmpty else { return }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].due < heap[least].due {
                least = child
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
