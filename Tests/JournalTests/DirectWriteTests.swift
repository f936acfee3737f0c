import Foundation
import Journal
import Testing

/// Writing past the page cache, and where that cannot be done.
@Suite struct DirectWriteTests {
    enum FileSystem: CaseIterable {
        case direct
        /// Refuses to open a file so.
        case refusesToOpen
        /// Opens it, and then wants larger blocks.
        case refusesToWrite
    }

    private func files(_ kind: FileSystem, failing: Dial) -> FileOperations {
        let system = FileOperations.system
        let direct = Dial(-1)
        var files = system
        files.openDirect = { path in
            guard kind != .refusesToOpen else { return -EINVAL }
            let file = system.openDirect(path)
            direct.value = Int(file)
            return file
        }
        files.close = { file in
            if Int(file) == direct.value { direct.value = -1 }
            system.close(file)
        }
        files.write = { file, bytes, offset in
            if kind == .refusesToWrite, Int(file) == direct.value { return -Int(EINVAL) }
            if failing.value > 0, Int(file) == direct.value || kind != .direct {
                // The group's first blocks are there, the rest is not.
                let count = system.write(file, UnsafeRawBufferPointer(rebasing: bytes[..<min(4096, bytes.count)]), offset)
                return count < 0 ? count : -Int(EIO)
            }
            if kind == .direct, Int(file) == direct.value {
                #expect(offset % 4096 == 0 && bytes.count % 4096 == 0)
            }
            return system.write(file, bytes, offset)
        }
        return files
    }

    @Test("records of all sizes are there at once and after restarts, and failed groups are not", arguments: FileSystem.allCases)
    func records(kind: FileSystem) async throws {
        var random = Randomness.seeded()
        let directory = try TemporaryDirectory()
        let failing = Dial(0)
        let clock = Dial(1_000_000_000)
        var settings = JournalSettings(directory: directory.path)
        settings.segmentBytes = 6 << 20
        var kept: [[UInt8]] = []
        for _ in 0..<4 {
            let journal = try Journal(
                settings: settings, now: start, files: files(kind, failing: failing), clock: { UInt64(clock.value) })
            #expect(journal.recovery.bytesCut == 0 && journal.recovery.damagedRecords == 0)
            for _ in 0..<12 {
                let sizes = [1, 100, 4_048, 4_096, 70_000, 1 << 20, 3 << 20]
                let group = (0..<Int.random(in: 1...4, using: &random)).map { _ -> [UInt8] in
                    let size = sizes[Int.random(in: 0..<sizes.count, using: &random)] + Int.random(in: -1...1, using: &random)
                    return [UInt8](repeating: UInt8.random(in: 1...255, using: &random), count: size)
                }
                if Int.random(in: 0..<4, using: &random) == 0 {
                    failing.value = 1
                    #expect(await journal.append(group.map { entry($0) }).allSatisfy { $0.error != nil })
                    failing.value = 0
                    clock.value += 2_000_000_000
                }
                let outcomes = await journal.append(group.map { entry($0) })
                #expect(outcomes == group.indices.map { stored(UInt64(kept.count + $0 + 1)) })
                kept += group
                #expect(try journal.read(RecordID(raw: UInt64(kept.count))).payload == kept.last)
            }
            journal.close()
        }
        let journal = try Journal(settings: settings, now: start)
        var read: [[UInt8]] = []
        #expect(try journal.replay(from: RecordID(raw: 1)) { read.append($0.payload) } == 0)
        #expect(read == kept)
    }
}
