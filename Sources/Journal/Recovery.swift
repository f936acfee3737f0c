/// What opening a journal found; worth a line in the log, and a warning if something was cut, damaged or set aside.
package struct Recovery: Sendable, Equatable {
    package var segments = 0
    /// Intact records of the last segment, which is always read in full.
    package var recordsKept = 0
    /// Bytes of a torn write at the end of the last segment that were cut; they were never acknowledged.
    package var bytesCut = 0
    /// Records found damaged in the segments that were read in full; the others are found when they are read.
    package var damagedRecords = 0
    /// Index files that were missing or damaged and were made anew.
    package var indexesRebuilt = 0
    /// Files that are no readable segments; they were renamed to `<name>.damaged`.
    package var setAside: [String] = []
}
