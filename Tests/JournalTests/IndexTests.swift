import Foundation
import Journal
import Testing

@Suite struct IndexTests {
    @Test("Searching by key finds what looking at every record finds")
    func bruteForce() async throws {
        var random = Randomness.seeded()
        let directory = try TemporaryDirectory()
        let settings = JournalSettings.quick(directory) { $0.segmentBytes = 60_000 }
        var journal = try Journal(settings: settings, now: start)
        // Few keys with many records and many with few; neighbours and extremes.
        let pool: [UInt64] = [0, 1, 2, .max, .max - 1] + (0..<2000).map { _ in random.next() }
        var expected: [UInt64: [UInt64]] = [:]
        var id: UInt64 = 0
        for round in 0..<6 {
            for _ in 0..<300 {
                id += 1
                let keys = (0..<Int.random(in: 0...30, using: &random)).map { _ in
                    pool[Bool.random(using: &random) ? Int.random(in: 0..<8, using: &random) : Int.random(in: 0..<pool.count, using: &random)]
                }
                for key in keys where expected[key]?.last != id { expected[key, default: []].append(id) }
                _ = await journal.append(entry(random.bytes(Int.random(in: 0...300, using: &random)), keys: keys))
            }
            if round % 2 == 0 { try journal.seal(now: start) }
            if round == 3 {
                journal.close()
                journal = try Journal(settings: settings, now: start)
            }
            for key in pool.prefix(200) + [3, 4, random.next()] {
                let found = journal.records(key: key, limit: .max).map(\.raw)
                #expect(found == expected[key] ?? [])
                let from = UInt64.random(in: 0...id + 1, using: &random)
                let limit = Int.random(in: 0...5, using: &random)
                let part = journal.records(key: key, from: RecordID(raw: from), limit: limit).map(\.raw)
                #expect(part == Array((expected[key] ?? []).filter { $0 >= from }.prefix(limit)))
            }
        }
        #expect(try directory.segments.count > 5)
    }

    @Test("A segment with too many keys is closed")
    func keyLimit() async throws {
        let directory = try TemporaryDirectory()
        let settings = JournalSettings.quick(directory) { $0.segmentKeys = 100 }
        let journal = try Journal(settings: settings, now: start)
        for id in 1...10 as ClosedRange<UInt64> { _ = await journal.append(entry([1], keys: (0..<50).map { id * 1000 + $0 })) }
        #expect(journal.statistics.segments == 5)
        // Segments that wait too long for housekeeping are sealed by the journal itself.
        for id in 11...30 as ClosedRange<UInt64> { _ = await journal.append(entry([1], keys: (0..<50).map { id * 1000 + $0 })) }
        #expect(try directory.names.contains { $0.hasSuffix(".index") })
    }

    @Test("An open segment is closed once its first record is old")
    func age() async throws {
        let directory = try TemporaryDirectory()
        let journal = try Journal(settings: .quick(directory) { $0.segmentAge = 60 * second }, now: start)
        #expect(await journal.append(entry([1], keys: [4])) == stored(1))
        try journal.seal(now: start + 60 * second)
        #expect(await journal.append(entry([2], time: start + 70 * second)) == stored(2))
        #expect(journal.statistics.segments == 1)
        try journal.seal(now: start + 61 * second)
        #expect(await journal.append(entry([3], time: start + 70 * second)) == stored(3))
        #expect(journal.statistics.segments == 2)
        // The call before did this already if the journal's thread was quick.
        try journal.seal(now: start + 61 * second)
        #expect(try directory.names.contains("0000000000000001.index"))
        #expect(journal.records(key: 4, limit: 3) == [RecordID(raw: 1)])
    }
}
