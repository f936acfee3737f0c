import Foundation
import Journal
import Testing

@Suite struct RetentionTests {
    /// Twelve records, two to a segment, one a minute.
    private func journal(_ directory: TemporaryDirectory, _ change: (inout JournalSettings) -> Void) async throws -> Journal {
        let settings = JournalSettings.quick(directory) {
            $0.segmentBytes = 4096
            change(&$0)
        }
        let journal = try Journal(settings: settings, now: start)
        for id in 1...12 as ClosedRange<UInt64> {
            let record = entry([UInt8](repeating: 0, count: 3000), time: start + id * 60 * second, keys: [9])
            #expect(await journal.append(record) == stored(id))
        }
        try journal.seal(now: start)
        return journal
    }

    @Test("The oldest segments go until the rest fits, but never the open one or what is pinned")
    func bySize() async throws {
        let directory = try TemporaryDirectory()
        let journal = try await journal(directory) { $0.retentionBytes = 1 }
        journal.pin(RecordID(raw: 6))
        var report = journal.enforceRetention(now: start)
        #expect(report.segments == 2 && report.heldByPin && report.failures == [])
        #expect(report.bytesKept == journal.statistics.storedBytes)
        #expect(journal.firstID.raw == 5)
        #expect(journal.records(key: 9, limit: 100).map(\.raw) == Array(5...12))
        #expect(throws: JournalError.notFound(RecordID(raw: 4), first: RecordID(raw: 5), last: RecordID(raw: 12))) {
            try journal.read(RecordID(raw: 4))
        }
        #expect(try journal.read(RecordID(raw: 5)).id.raw == 5)
        var replayed: [UInt64] = []
        try journal.replay(from: RecordID(raw: 1)) { replayed.append($0.id.raw) }
        #expect(replayed == Array(5...12))

        journal.pin(nil)
        report = journal.enforceRetention(now: start)
        #expect(report.segments == 3 && !report.heldByPin)
        #expect(journal.firstID.raw == 11)
        #expect(try directory.names == ["000000000000000b.segment", "journal.lock"])
        journal.close()
        let again = try Journal(settings: .quick(directory), now: start)
        #expect(again.firstID.raw == 11 && again.lastID.raw == 12)
    }

    @Test("Segments whose newest record is too old go")
    func byAge() async throws {
        let directory = try TemporaryDirectory()
        let journal = try await journal(directory) { $0.retentionAge = 3600 * second }
        #expect(journal.enforceRetention(now: start + 4 * 60 * second + 3600 * second).segments == 1)
        #expect(journal.firstID.raw == 3)
        #expect(journal.enforceRetention(now: start + 4 * 60 * second + 3601 * second).segments == 1)
        #expect(journal.firstID.raw == 5)
        // All are old, and the open segment is closed first.
        let late = start + 100_000 * second
        try journal.seal(now: late)
        #expect(await journal.append(entry([1], time: late)) == stored(13))
        #expect(journal.enforceRetention(now: late).segments == 4)
        #expect(journal.firstID.raw == 13)
        #expect(journal.records(key: 9, limit: 100) == [])
    }

    @Test("Numbers go on after all records were deleted and the journal was opened again")
    func numbersGoOn() async throws {
        let directory = try TemporaryDirectory()
        let settings = JournalSettings.quick(directory) { $0.retentionAge = second }
        var journal = try Journal(settings: settings, now: start)
        #expect(await journal.append(entry([1])) == stored(1))
        let late = start + 100_000 * second
        try journal.seal(now: late)
        // Ends the journal's thread after it closed the segment.
        journal.close()
        #expect(journal.statistics.segments == 2)
        #expect(journal.enforceRetention(now: late).segments == 1)
        #expect(journal.firstID.raw == 2 && journal.lastID.raw == 1)
        for _ in 0..<2 {
            journal = try Journal(settings: settings, now: late)
            #expect(journal.firstID.raw == 2 && journal.lastID.raw == 1)
            journal.close()
        }
        journal = try Journal(settings: settings, now: late)
        #expect(await journal.append(entry([2])) == stored(2))
    }
}
