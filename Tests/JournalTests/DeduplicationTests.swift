import Foundation
import Journal
import Testing

@Suite struct DeduplicationTests {
    private let duplicate: Result<AppendOutcome, JournalError> = .success(.duplicate)

    @Test("The same bytes are stored once, in a group, across groups and across a restart")
    func duplicates() async throws {
        let directory = try TemporaryDirectory()
        let settings = JournalSettings.quick(directory) { $0.segmentBytes = 4096 }
        var journal = try Journal(settings: settings, now: start)
        let first = entry([UInt8](repeating: 1, count: 3000), fingerprint: 11)
        #expect(await journal.append([first, first, first]) == [stored(1), duplicate, duplicate])
        #expect(await journal.append(first) == duplicate)
        // Other bytes with the same fingerprint, another kind, no fingerprint.
        #expect(await journal.append(entry([2], fingerprint: 11)) == stored(2))
        #expect(await journal.append(entry([2], kind: .logs, fingerprint: 11)) == stored(3))
        #expect(await journal.append(entry([2], kind: .logs, fingerprint: 0)) == stored(4))
        let sameFingerprint = [entry([5], fingerprint: 5), entry([6], fingerprint: 5), entry([6], fingerprint: 5)]
        #expect(await journal.append(sameFingerprint) == [stored(5), stored(6), duplicate])
        #expect(await journal.append(entry([UInt8](repeating: 7, count: 3000), fingerprint: 7)) == stored(7))
        #expect(await journal.append(entry([8], fingerprint: 8)) == stored(8))
        #expect(journal.statistics.duplicates == 4)
        #expect(try directory.segments.count == 2)
        for isSealed in [false, true] {
            journal.close()
            journal = try Journal(settings: settings, now: start + second)
            if isSealed { try journal.seal(now: start) }
            #expect(await journal.append(entry([UInt8](repeating: 7, count: 3000), fingerprint: 7)) == duplicate)
            #expect(await journal.append(entry([8], fingerprint: 8)) == duplicate)
            #expect(await journal.append(entry([6], fingerprint: 5)) == duplicate)
        }
        #expect(journal.lastID.raw == 8)
    }

    @Test("Outside the window the same bytes are stored again, also after a restart; a window of 0 is off")
    func window() async throws {
        let directory = try TemporaryDirectory()
        var settings = JournalSettings.quick(directory) { $0.deduplicateWindow = 10 * second }
        var journal = try Journal(settings: settings, now: start)
        #expect(await journal.append(entry([1], fingerprint: 1)) == stored(1))
        #expect(await journal.append(entry([1], time: start + 10 * second, fingerprint: 1)) == duplicate)
        // A clock that stepped back.
        #expect(await journal.append(entry([1], time: start - 10 * second, fingerprint: 1)) == duplicate)
        #expect(await journal.append(entry([1], time: start + 11 * second, fingerprint: 1)) == stored(2))
        journal.close()
        journal = try Journal(settings: settings, now: start + 30 * second)
        #expect(await journal.append(entry([1], time: start + 30 * second, fingerprint: 1)) == stored(3))
        journal.close()
        settings.deduplicateWindow = 0
        journal = try Journal(settings: settings, now: start)
        #expect(await journal.append([entry([1], fingerprint: 1), entry([1], fingerprint: 1)]) == [stored(4), stored(5)])
    }

    @Test("Only so many fingerprints are remembered, the newest")
    func limit() async throws {
        let directory = try TemporaryDirectory()
        let settings = JournalSettings.quick(directory) { $0.deduplicateEntries = 100 }
        var journal = try Journal(settings: settings, now: start)
        for id in 1...3000 as ClosedRange<UInt64> {
            _ = await journal.append(entry([UInt8(truncatingIfNeeded: id)], fingerprint: id))
        }
        func again(_ id: UInt64) async -> Result<AppendOutcome, JournalError> {
            await journal.append(entry([UInt8(truncatingIfNeeded: id)], fingerprint: id))
        }
        #expect(await again(2901) == duplicate)
        #expect(await again(2900) == stored(3001))
        #expect(await again(2901) == stored(3002))
        journal.close()
        journal = try Journal(settings: settings, now: start)
        #expect(await again(2903) == duplicate)
        #expect(await again(2902) == stored(3003))
    }

    @Test("Within one group, only the same bytes of the same kind are duplicates")
    func oneGroup() async throws {
        let directory = try TemporaryDirectory()
        let journal = try Journal(settings: .quick(directory), now: start)
        let gate = DispatchSemaphore(value: 0)
        let entries = [
            entry([5], fingerprint: 5), entry([6], fingerprint: 5), entry([6], fingerprint: 5),
            entry([6], kind: .logs, fingerprint: 5), entry([7]), entry([7]),
        ]
        let outcomes = Collector<Result<AppendOutcome, JournalError>>()
        // While this answer is being given, the others gather.
        await withCheckedContinuation { continuation in
            journal.append(entry([1])) { _ in
                continuation.resume()
                gate.wait()
            }
        }
        await withCheckedContinuation { continuation in
            for entry in entries {
                journal.append(entry) { if outcomes.add($0) == entries.count { continuation.resume() } }
            }
            gate.signal()
        }
        #expect(outcomes.all == [stored(2), stored(3), duplicate, stored(4), stored(5), stored(6)])
        #expect(journal.statistics.groups == 2)
    }

    @Test("The same bytes of another tenant are another request, in a group, across groups and across a restart")
    func tenants() async throws {
        let directory = try TemporaryDirectory()
        var journal = try Journal(settings: .quick(directory), now: start)
        // With the same fingerprint for all, so that only the tenant tells them apart; two spellings of é among them.
        let tenants: [String?] = [nil, "a", "b", "\u{E9}", "e\u{301}"]
        let entries = tenants.map { entry([1], fingerprint: 1, tenant: $0) }
        #expect(await journal.append(entries) == (1...5).map(stored))
        #expect(await journal.append(entry([1], fingerprint: 1, tenant: "e\u{301}")) == duplicate)
        #expect(await journal.append(entry([1], fingerprint: 1, tenant: "a")) == stored(6))
        journal.close()
        journal = try Journal(settings: .quick(directory), now: start)
        #expect(await journal.append(entry([1], fingerprint: 1, tenant: "a")) == duplicate)
        #expect(await journal.append(entry([1], fingerprint: 1)) == stored(7))
        #expect(await journal.append(entry([1], fingerprint: 1, tenant: "")) == duplicate)
        let kept = try (1...7).map { try journal.read(RecordID(raw: $0)).tenant.map { Array($0.utf8) } }
        #expect(kept == (tenants + ["a", nil]).map { $0.map { Array($0.utf8) } })
        // A tenant that the format cannot hold is refused.
        let long = String(repeating: "x", count: 65_536)
        #expect(await journal.append(entry([1], tenant: long)).error == .tooLarge(bytes: 65_536, limit: 65_535))
    }

    @Test("A duplicate of an entry whose group failed is not acknowledged")
    func failedGroup() async throws {
        let directory = try TemporaryDirectory()
        let isFailing = Dial(0)
        var files = FileOperations.system
        files.synchronize = { [system = files.synchronize] in isFailing.value == 1 ? -EIO : system($0) }
        var settings = JournalSettings(directory: directory.path)
        settings.retryInterval = 0
        let journal = try Journal(settings: settings, now: start, files: files)
        isFailing.value = 1
        let retried = entry([1], fingerprint: 1)
        #expect(await journal.append([retried, retried]).allSatisfy { $0.error != nil })
        isFailing.value = 0
        #expect(await journal.append([retried, retried]) == [stored(1), duplicate])
    }
}
