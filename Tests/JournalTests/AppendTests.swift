import Foundation
import Journal
import OTLP
import Synchronization
import Testing

@Suite struct AppendTests {
    @Test("Records come back as they were appended, by number and in order")
    func roundTrip() async throws {
        let directory = try TemporaryDirectory()
        let journal = try Journal(settings: JournalSettings(directory: directory.path), now: start)
        var random = Randomness.seeded()
        // Sizes on both sides of what is gathered before writing.
        let sizes = [0, 1, 100, 16_383, 16_384, 70_000, 300_000, 5]
        let kinds: [RecordKind] = RecordKind.allCases
        let entries = sizes.enumerated().map { index, size in
            entry(random.bytes(size), kind: kinds[index % kinds.count], time: start + UInt64(index), keys: [UInt64(index)])
        }
        #expect(journal.lastID.raw == 0)
        #expect(journal.firstID.raw == 1)
        #expect(await journal.append(entries) == (1...8).map(stored))
        for (index, entry) in entries.enumerated() {
            let record = try journal.read(RecordID(raw: UInt64(index + 1)))
            #expect(record.payload == entry.payload && record.kind == entry.kind && record.time == entry.time)
        }
        var replayed: [JournalRecord] = []
        #expect(try journal.replay(from: RecordID(raw: 3), through: RecordID(raw: 7)) { replayed.append($0) } == 0)
        #expect(replayed.map(\.id.raw) == [3, 4, 5, 6, 7])
        #expect(replayed.map(\.payload) == entries[2...6].map(\.payload))
        #expect(throws: JournalError.notFound(RecordID(raw: 9), first: RecordID(raw: 1), last: RecordID(raw: 8))) {
            try journal.read(RecordID(raw: 9))
        }
        #expect(throws: JournalError.self) { try journal.read(RecordID(raw: 0)) }
        #expect(journal.statistics.records == 8)
        #expect(RecordKind(Signal.logs) == .logs)
    }

    @Test("A second life goes on where the first ended, across segments")
    func reopen() async throws {
        let directory = try TemporaryDirectory()
        let settings = JournalSettings.quick(directory) { $0.segmentBytes = 4096 }
        for life in 0..<4 {
            let journal = try Journal(settings: settings, now: start)
            #expect(journal.lastID.raw == UInt64(life * 20))
            #expect(journal.recovery.bytesCut == 0 && journal.recovery.damagedRecords == 0)
            if life % 2 == 1 { try journal.seal(now: start) }
            for index in 0..<20 {
                let id = UInt64(life * 20 + index + 1)
                #expect(await journal.append(entry([UInt8](repeating: UInt8(id), count: 500), keys: [id])) == stored(id))
            }
            for id in 1...UInt64(life * 20 + 20) {
                #expect(try journal.read(RecordID(raw: id)).payload == [UInt8](repeating: UInt8(id), count: 500))
                #expect(journal.records(key: id, limit: 10) == [RecordID(raw: id)])
            }
            var ids: [UInt64] = []
            try journal.replay(from: RecordID(raw: 1)) { ids.append($0.id.raw) }
            #expect(ids == Array(1...UInt64(life * 20 + 20)))
            journal.close()
        }
        #expect(try directory.segments.count > 5)
        #expect(try directory.segments.first == "0000000000000001.segment")
    }

    @Test("Entries that wait while the disk syncs share one sync, and are answered in order")
    func groups() async throws {
        let directory = try TemporaryDirectory()
        let gate = DispatchSemaphore(value: 0)
        let held = Dial(0)
        var files = FileOperations.system
        files.synchronize = { [system = files.synchronize] file in
            if held.value == 1 {
                held.value = 2
                gate.wait()
            }
            return system(file)
        }
        let journal = try Journal(settings: JournalSettings(directory: directory.path), now: start, files: files)
        let outcomes = Collector<UInt64>()
        await withCheckedContinuation { continuation in
            held.value = 1
            for index in 0..<500 {
                journal.append(entry([UInt8](repeating: 1, count: 200))) { result in
                    if case .success(.stored(let id)) = result, outcomes.add(id.raw) == 500 {
                        continuation.resume()
                    }
                }
                if index == 499 { gate.signal() }
            }
        }
        #expect(outcomes.all == Array(1...500))
        let statistics = journal.statistics
        #expect(statistics.records == 500)
        #expect(statistics.synchronizations < 10)
        #expect(statistics.synchronizations == statistics.groups)
        #expect(statistics.waitingRecords == 0 && statistics.waitingBytes == 0)
    }

    @Test("Many threads append, and read what they were told is stored")
    func threads() async throws {
        let directory = try TemporaryDirectory()
        let settings = JournalSettings.quick(directory) { $0.segmentBytes = 64 << 10 }
        let journal = try Journal(settings: settings, now: start)
        await withTaskGroup(of: Bool.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for index in 0..<200 {
                        let payload = [UInt8]("\(task)/\(index)".utf8)
                        guard case .success(.stored(let id)) = await journal.append(entry(payload, keys: [UInt64(task)])),
                            (try? journal.read(id).payload) == payload
                        else { return false }
                        if index % 50 == 0 { _ = try? journal.seal(now: start) }
                    }
                    return journal.records(key: UInt64(task), limit: .max).count == 200
                }
            }
            for await isRight in group { #expect(isRight) }
        }
        #expect(journal.lastID.raw == 1600)
    }

    @Test("A full queue, a record too large and a closed journal refuse at once")
    func refusals() async throws {
        let directory = try TemporaryDirectory()
        let gate = DispatchSemaphore(value: 0)
        let isHeld = Dial(0)
        var files = FileOperations.system
        files.synchronize = { [system = files.synchronize] file in
            if isHeld.value == 1 { gate.wait() }
            return system(file)
        }
        var settings = JournalSettings(directory: directory.path)
        settings.queueBytes = 10_000
        settings.queueRecords = 6
        settings.recordBytes = 20_000
        let journal = try Journal(settings: settings, now: start, files: files)
        #expect(
            await journal.append(entry([UInt8](repeating: 0, count: 20_000))).error == .tooLarge(bytes: 20_048, limit: 20_000))
        // Larger than the queue, but nothing else waits.
        #expect(await journal.append(entry([UInt8](repeating: 0, count: 15_000))) == stored(1))

        isHeld.value = 1
        let answers = Collector<JournalError?>()
        for _ in 0..<3 { journal.append(entry([UInt8](repeating: 0, count: 4_000))) { answers.add($0.error) } }
        #expect(
            answers.all == [.full(waitingBytes: 8_096, waitingRecords: 2, limitBytes: 10_000, limitRecords: 6)])
        #expect(answers.all[0]?.description.contains("journal.queue_size") == true)
        for _ in 0..<5 { journal.append(entry([])) { answers.add($0.error) } }
        #expect(answers.all.count == 2)
        isHeld.value = 0
        for _ in 0..<8 { gate.signal() }
        journal.close()
        #expect(answers.all.count == 8)
        #expect(answers.all.filter { $0 == nil }.count == 6)
        #expect(await journal.append(entry([])).error == .closed)
        #expect(journal.statistics.refused == 4)
        #expect(try journal.read(RecordID(raw: 7)).payload == [])
    }

    @Test("Settings outside their limits are named")
    func settings() throws {
        let directory = try TemporaryDirectory()
        for (change, key) in [
            ({ $0.segmentBytes = 1 }, "journal.segment_size"), ({ $0.queueBytes = 0 }, "journal.queue_size"),
            ({ $0.queueRecords = 0 }, "queue's records"), ({ $0.directory = "" }, "journal.directory"),
            ({ $0.retentionBytes = -1 }, "journal.retention.size"),
        ] as [((inout JournalSettings) -> Void, String)] {
            let error = #expect(throws: JournalError.self) {
                try Journal(settings: .quick(directory, change), now: start)
            }
            #expect(error?.description.contains(key) == true)
        }
    }
}
