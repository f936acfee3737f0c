/// The sequence number of a record: the first is 1, every record takes the next one, none is ever given twice.
package struct RecordID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let raw: UInt64

    package init(raw: UInt64) { self.raw = raw }

    package static func < (left: RecordID, right: RecordID) -> Bool { left.raw < right.raw }

    /// The number alone, as in logs and messages.
    package var description: String { String(raw) }
}
