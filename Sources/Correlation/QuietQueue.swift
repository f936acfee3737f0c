/// Elements in the order in which they were last seen, roughly: who is asked for the longest quiet one gets one that has
/// not been seen since it was queued. Each step costs the same, however many there are.
struct QuietQueue<Element> {
    private var entries: [(element: Element, seen: UInt64)] = []
    private var head = 0

    mutating func insert(_ element: Element, seen: UInt64) {
        // What was taken is dropped once it is half of what is there.
        if head > 1_024, head * 2 > entries.count {
            entries.removeFirst(head)
            head = 0
        }
        entries.append((element, seen))
    }

    /// Takes out an element that has been quiet; looks at 64 at most, and takes the last of them if none has.
    mutating func takeQuiet(seen: (Element) -> UInt64) -> Element? {
        for attempt in 1...64 where head < entries.count {
            let entry = entries[head]
            head += 1
            let latest = seen(entry.element)
            if latest <= entry.seen || attempt == 64 { return entry.element }
            insert(entry.element, seen: latest)
        }
        return nil
    }

    /// Lets go of elements that are no longer wanted.
    mutating func drop(where isGone: (Element) -> Bool) {
        entries.removeFirst(head)
        head = 0
        entries.removeAll { isGone($0.element) }
    }
}
