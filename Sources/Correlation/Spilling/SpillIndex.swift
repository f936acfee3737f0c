/// Which clusters a key is found in, about 24 bytes a key.
struct SpillIndex {
    /// How many of each kind are in the store.
    struct Counts: Equatable {
        var executions = 0
        var events = 0
        var traces = 0
    }

    /// The only cluster of a key, or the first of several.
    private var first: [UInt64: UInt64] = [:]
    private var others: [UInt64: [UInt64]] = [:]
    private(set) var counts = Counts()
    private(set) var clusters = 0
    private var lastID: UInt64 = 0

    var isEmpty: Bool { clusters == 0 }

    /// A new cluster's id; later ones are larger.
    mutating func makeID() -> UInt64 {
        lastID += 1
        return lastID
    }

    /// Returns how many of the digests have `limit` clusters already and do not lead to this one.
    mutating func insert(_ cluster: UInt64, digests: [UInt64], counts added: Counts, limit: Int) -> Int {
        var cut = 0
        for digest in digests {
            if first[digest] == nil {
                first[digest] = cluster
            } else if others[digest, default: []].count + 1 < limit {
                others[digest, default: []].append(cluster)
            } else {
                cut += 1
            }
        }
        clusters += 1
        counts.executions += added.executions
        counts.events += added.events
        counts.traces += added.traces
        return cut
    }

    mutating func remove(_ cluster: UInt64, digests: [UInt64], counts removed: Counts) {
        for digest in digests { remove(cluster, of: digest) }
        clusters -= 1
        counts.executions -= removed.executions
        counts.events -= removed.events
        counts.traces -= removed.traces
    }

    /// Forgets that a key leads to a cluster.
    mutating func remove(_ cluster: UInt64, of digest: UInt64) {
        if first[digest] == cluster {
            first[digest] = others[digest]?.popLast()
        } else {
            others[digest]?.removeAll { $0 == cluster }
        }
        if others[digest]?.isEmpty == true { others[digest] = nil }
    }

    func cluster(of digest: UInt64) -> UInt64? { first[digest] }
}
