import Foundation
import Journal
import Testing

@Suite struct FailureTests {
    /// File operations that fail as the dials say, and a clock that the test moves.
    private final class Disk: Sendable {
        /// Bytes that still fit; negative: unlimited.
        let space = Dial(-1)
        let syncError = Dial(0)
        let truncateError = Dial(0)
        let openError = Dial(0)
        let writes = Dial(0)
        let clock = Dial(1_000_000_000)

        var files: FileOperations {
            let system = FileOperations.system
            var files = system
            files.open = { [self] path, flags in
                if openError.value > 0 && flags & O_CREAT != 0 { return -Int32(openError.value) }
                return system.open(path, flags)
            }
            files.write = { [self] file, bytes, offset in
                writes.increment()
                if space.value < 0 { return system.write(file, bytes, offset) }
                if space.value == 0 { return -Int(ENOSPC) }
                // A disk that fills up takes the beginning.
                let count = min(bytes.count, space.value)
                space.value -= count
                return system.write(file, UnsafeRawBufferPointer(rebasing: bytes[..<count]), offset)
            }
            files.reserve = { [self] file, offset, count in
                space.value < 0 ? system.reserve(file, offset, count) : -ENOSPC
            }
            files.synchronize = { [self] file in syncError.value > 0 ? -Int32(syncError.value) : system.synchronize(file) }
            files.truncate = { [self] file, size in
                truncateError.value > 0 ? -Int32(truncateError.value) : system.truncate(file, size)
            }
            return files
        }

        func journal(_ settings: JournalSettings) throws -> Journal {
            try Journal(settings: settings, now: start, files: files, clock: { [self] in UInt64(clock.value) })
        }
    }

    @Test("A full disk refuses with words, loses nothing, and is used again once there is space")
    func noSpace() async throws {
        for free in [0, 1, 48, 100, 5_000, 21_000] {
            let directory = try TemporaryDirectory()
            let disk = Disk()
            let journal = try disk.journal(JournalSettings(directory: directory.path))
            let large = [UInt8](repeating: 7, count: 100_000)
            #expect(await journal.append(entry(large)) == stored(1))
            disk.space.value = free
            let error = await journal.append([entry([1, 2]), entry(large)]).map(\.error)
            #expect(error.allSatisfy { $0 == .write(directory: directory.path, operation: "write", code: ENOSPC) })
            #expect(journal.failure == error[0])
            #expect(error[0]?.description.contains("journal.directory") == true)
            #expect(error[0]?.description.contains(directory.path) == true)
            // Within the pause the disk is left alone, and what was stored is readable.
            let writes = disk.writes.value
            #expect(await journal.append(entry([3])).error == error[0])
            #expect(disk.writes.value == writes)
            #expect(try journal.read(RecordID(raw: 1)).payload == large)
            #expect(journal.lastID.raw == 1)

            disk.clock.value += 2_000_000_000
            #expect(await journal.append(entry([4])).error == error[0] || free >= 100)
            disk.space.value = -1
            disk.clock.value += 2_000_000_000
            let next = journal.lastID.raw + 1
            #expect(await journal.append(entry([5])) == stored(next))
            #expect(journal.failure == nil)
            journal.close()

            let again = try Journal(settings: JournalSettings(directory: directory.path), now: start)
            #expect(again.recovery.recordsKept == Int(next) && again.recovery.segments == 1)
            #expect(again.recovery.bytesCut == 0 && again.recovery.damagedRecords == 0)
            #expect(try again.read(RecordID(raw: next)).payload == [5])
        }
    }

    @Test("After a failed sync the segment is left, and the group's bytes are not found again")
    func failedSync() async throws {
        let directory = try TemporaryDirectory()
        let disk = Disk()
        let journal = try disk.journal(JournalSettings(directory: directory.path))
        // With nothing committed yet, and with something.
        for round in 1...2 as ClosedRange<UInt64> {
            disk.syncError.value = Int(EIO)
            let refused = await journal.append([entry([UInt8](repeating: 1, count: 50)), entry([9, 9])])
            #expect(refused.allSatisfy { $0.error == .write(directory: directory.path, operation: "fdatasync", code: EIO) })
            disk.syncError.value = 0
            disk.clock.value += 2_000_000_000
            #expect(await journal.append(entry([UInt8](repeating: 2, count: 50))) == stored(round))
        }
        #expect(journal.statistics.failed == 4)
        journal.close()
        #expect(try directory.segments == ["0000000000000001.segment", "0000000000000002.segment"])
        let again = try Journal(settings: JournalSettings(directory: directory.path), now: start)
        var payloads: [[UInt8]] = []
        #expect(try again.replay(from: RecordID(raw: 1)) { payloads.append($0.payload) } == 0)
        #expect(payloads == [[UInt8](repeating: 2, count: 50), [UInt8](repeating: 2, count: 50)])
    }

    @Test("A disk that can neither truncate nor make files is tried until it can")
    func stubbornDisk() async throws {
        let directory = try TemporaryDirectory()
        let disk = Disk()
        let journal = try disk.journal(JournalSettings(directory: directory.path))
        #expect(await journal.append(entry([1])) == stored(1))
        disk.syncError.value = Int(EIO)
        #expect(await journal.append(entry([2])).error != nil)
        disk.syncError.value = 0
        for dial in [disk.truncateError, disk.openError] {
            dial.value = Int(EIO)
            for _ in 0..<3 {
                disk.clock.value += 2_000_000_000
                #expect(await journal.append(entry([3])).error != nil)
            }
            dial.value = 0
        }
        disk.clock.value += 2_000_000_000
        #expect(await journal.append(entry([4])) == stored(2))
        #expect(try journal.read(RecordID(raw: 2)).payload == [4])
    }

    @Test("Housekeeping's probe makes the journal well again without an append")
    func probe() async throws {
        let directory = try TemporaryDirectory()
        let disk = Disk()
        let journal = try disk.journal(JournalSettings(directory: directory.path))
        disk.space.value = 0
        #expect(await journal.append(entry([UInt8](repeating: 0, count: 100))).error != nil)
        disk.clock.value += 2_000_000_000
        try journal.seal(now: start)
        // The probe failed just now: the pause holds.
        #expect(await journal.append(entry([1])).error != nil)
        disk.space.value = -1
        disk.clock.value += 2_000_000_000
        try journal.seal(now: start)
        journal.close()
        #expect(journal.failure == nil)
        #expect(try directory.read("0000000000000001.segment").count == 32)
    }

    @Test("A segment whose index cannot be written is searched in memory, and may be deleted")
    func indexNotWritable() async throws {
        let directory = try TemporaryDirectory()
        let disk = Disk()
        let settings = JournalSettings.quick(directory) {
            $0.segmentBytes = 4096
            $0.retentionBytes = 10_000
        }
        let journal = try disk.journal(settings)
        for id in 1...20 as ClosedRange<UInt64> {
            #expect(await journal.append(entry([UInt8](repeating: 0, count: 2000), keys: [5, id])) == stored(id))
        }
        disk.openError.value = Int(ENOSPC)
        #expect(throws: JournalError.self) { try journal.seal(now: start) }
        #expect(journal.records(key: 5, limit: 100).count == 20)
        #expect(journal.records(key: 3, limit: 100) == [RecordID(raw: 3)])
        #expect(journal.enforceRetention(now: start).segments > 0)
        #expect(journal.records(key: 3, limit: 100) == [])
        disk.openError.value = 0
        try journal.seal(now: start)
        #expect(journal.records(key: 5, limit: 100).first == journal.firstID)
    }
}
