/// The records that one reader has still to read, in their order, as a machine: those told lately by number, the others to
/// be looked up. So any number may be owed in bounded memory.
struct OwedRecords {
    /// Most records that are kept by number.
    static let limit = 4_096

    private var known: [UInt64] = []
    /// From here on records must be looked up; nil if none is owed but `known`.
    private var lookUpFrom: UInt64?
    /// The newest that was told or looked up.
    private var newest: UInt64

    /// - Parameter after: records up to this one are not owed.
    init(after: UInt64) {
        newest = after
        lookUpFrom = after &+ 1
    }

    /// A record is owed. Records are told in their order; one that a look-up has found already is told again.
    mutating func owe(_ record: UInt64) {
        guard record > newest, lookUpFrom == nil else { return }
        newest = record
        if known.count < Self.limit { known.append(record) } else { lookUpFrom = record }
    }

    /// The next record; `lookUp` gives the first owed records from a number on, in their order, none if there are none.
    mutating func next(_ lookUp: (UInt64) -> [UInt64]) -> UInt64? {
        if known.isEmpty, let from = lookUpFrom {
            known = lookUp(from)
            newest = max(newest, known.last ?? 0)
            lookUpFrom = known.last.map { $0 &+ 1 }
        }
        return known.isEmpty ? nil : known.removeFirst()
    }
}
