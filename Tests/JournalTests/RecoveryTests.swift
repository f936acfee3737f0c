import Foundation
import Journal
import Testing

@Suite struct RecoveryTests {
    /// Makes a journal of records with payload `n n n …` and key 7 and n, every second of a tenant; returns the bytes of
    /// its only segment.
    private func segment(records: Int) async throws -> (bytes: [UInt8], ends: [Int]) {
        let directory = try TemporaryDirectory()
        let journal = try Journal(settings: .quick(directory), now: start)
        var ends = [32]
        for id in 1...records {
            _ = await journal.append(entry(payload(id), keys: [7, UInt64(id)], tenant: tenant(id)))
            ends.append(ends[id - 1] + 48 + 16 + (tenant(id) ?? "").utf8.count + payload(id).count)
        }
        journal.close()
        let bytes = try directory.read("0000000000000001.segment")
        #expect(bytes.count == ends.last)
        return (bytes, ends)
    }

    private func payload(_ id: Int) -> [UInt8] { [UInt8](repeating: UInt8(id), count: 5 * id) }

    private func tenant(_ id: Int) -> String? { id % 2 == 0 ? "ws-é\(id)" : nil }

    @Test("After a crash at any byte, all complete records are there and writing goes on", arguments: [0, 1000])
    func everyLength(padding: Int) async throws {
        let (bytes, ends) = try await segment(records: 8)
        for length in 0...bytes.count {
            let directory = try TemporaryDirectory()
            try directory.write("0000000000000001.segment", bytes[..<length] + [UInt8](repeating: 0, count: padding))
            let journal = try Journal(settings: .quick(directory), now: start)
            let complete = max(ends.lastIndex { $0 <= length } ?? 0, 0)
            #expect(journal.lastID.raw == UInt64(complete))
            #expect(journal.recovery.recordsKept == complete)
            if length > 32 {
                // Zeros at the end of a cut record cannot be told from padding.
                #expect(journal.recovery.bytesCut <= length - ends[complete])
                #expect((journal.recovery.bytesCut > 0) == (length > ends[complete]))
            }
            #expect(await journal.append(entry([1, 2, 3], keys: [7])) == stored(UInt64(complete + 1)))
            for id in 0..<complete {
                let record = try journal.read(RecordID(raw: UInt64(id + 1)))
                #expect(record.payload == payload(id + 1) && record.tenant == tenant(id + 1))
            }
            #expect(try journal.read(RecordID(raw: UInt64(complete + 1))).payload == [1, 2, 3])
            #expect(journal.records(key: 7, limit: 100).map(\.raw) == Array(1...UInt64(complete + 1)))
            journal.close()
            let again = try Journal(settings: .quick(directory), now: start)
            #expect(again.lastID.raw == UInt64(complete + 1))
            #expect(again.recovery.bytesCut == 0)
        }
    }

    @Test("A damaged byte loses at most the record that it is in", arguments: [0xFF, 0x01] as [UInt8])
    func everyByte(mask: UInt8) async throws {
        let (bytes, ends) = try await segment(records: 6)
        for position in bytes.indices {
            let directory = try TemporaryDirectory()
            var damaged = bytes
            damaged[position] ^= mask
            try directory.write("0000000000000001.segment", damaged)
            let journal = try Journal(settings: .quick(directory), now: start)
            let lost = position < 32 ? nil : ends.lastIndex { $0 <= position }.map { UInt64($0 + 1) }
            for id in 1...6 as ClosedRange<UInt64> {
                if id == lost {
                    #expect(throws: JournalError.self) { try journal.read(RecordID(raw: id)) }
                } else {
                    let record = try journal.read(RecordID(raw: id))
                    #expect(record.payload == payload(Int(id)) && record.tenant == tenant(Int(id)))
                }
            }
            let kept = (1...6 as ClosedRange<UInt64>).filter { $0 != lost }
            #expect(journal.records(key: 7, limit: 100).map(\.raw) == kept)
            var replayed: [UInt64] = []
            let missed = try journal.replay(from: RecordID(raw: 1)) {
                replayed.append($0.id.raw)
                #expect($0.tenant == tenant(Int($0.id.raw)) && $0.payload == payload(Int($0.id.raw)))
            }
            #expect(replayed == kept)
            if lost == 6 {
                // At the end it cannot be told from a torn write.
                #expect(journal.recovery.bytesCut > 0 && missed == 0 && journal.lastID.raw == 5)
            } else {
                #expect(journal.recovery.damagedRecords == (lost == nil ? 0 : 1))
                #expect(missed == (lost == nil ? 0 : 1))
            }
        }
    }

    @Test("A damaged byte of a closed segment or its index loses at most the record that it is in")
    func everyByteOfClosedSegment() async throws {
        let directory = try TemporaryDirectory()
        let settings = JournalSettings.quick(directory) { $0.segmentBytes = 4096 }
        var journal = try Journal(settings: settings, now: start)
        // Five records fill the first segment, two follow in the second.
        for id in 1...7 { _ = await journal.append(entry([UInt8](repeating: UInt8(id), count: 900), keys: [7, UInt64(id)])) }
        try journal.seal(now: start)
        journal.close()
        #expect(try directory.segments.count == 2)
        for name in ["0000000000000001.segment", "0000000000000001.index"] {
            let bytes = try directory.read(name)
            for position in stride(from: 0, to: bytes.count, by: name.hasSuffix("index") ? 1 : 13) {
                var damaged = bytes
                damaged[position] ^= 0x10
                try directory.write(name, damaged)
                journal = try Journal(settings: settings, now: start)
                let lost = name.hasSuffix("index") || position < 32 ? nil : UInt64((position - 32) / 964 + 1)
                for id in 1...7 as ClosedRange<UInt64> {
                    if id == lost {
                        #expect(throws: JournalError.damaged(RecordID(raw: id), file: directory.path + "/" + name)) {
                            try journal.read(RecordID(raw: id))
                        }
                    } else {
                        #expect(try journal.read(RecordID(raw: id)).payload == [UInt8](repeating: UInt8(id), count: 900))
                    }
                    #expect(journal.records(key: id == 7 ? 8 : id, limit: 100).count == (id == 7 ? 0 : 1))
                }
                #expect(journal.records(key: 7, limit: 100).map(\.raw) == Array(1...7))
                #expect(try journal.replay(from: RecordID(raw: 1)) { _ in } == (lost == nil ? 0 : 1))
                journal.close()
            }
            try directory.write(name, bytes)
        }
        // Without the index, and with a damaged record, the index is made anew without it.
        var bytes = try directory.read("0000000000000001.segment")
        bytes[32 + 964 + 500] ^= 1
        try directory.write("0000000000000001.segment", bytes)
        try directory.remove("0000000000000001.index")
        journal = try Journal(settings: settings, now: start)
        #expect(journal.recovery.indexesRebuilt == 1 && journal.recovery.damagedRecords == 1)
        #expect(journal.records(key: 7, limit: 100).map(\.raw) == [1, 3, 4, 5, 6, 7])
        #expect(try journal.seal(now: start) == 1)
        #expect(journal.records(key: 7, from: RecordID(raw: 4), limit: 2).map(\.raw) == [4, 5])
    }

    @Test("A payload that looks like records does not become records")
    func forgery() async throws {
        let (inner, _) = try await segment(records: 3)
        let directory = try TemporaryDirectory()
        var journal = try Journal(settings: .quick(directory), now: start)
        _ = await journal.append([entry(inner), entry([9])])
        journal.close()
        var bytes = try directory.read("0000000000000001.segment")
        bytes[32 + 20] ^= 1
        try directory.write("0000000000000001.segment", bytes)
        journal = try Journal(settings: .quick(directory), now: start)
        #expect(journal.recovery.damagedRecords == 1)
        #expect(throws: JournalError.self) { try journal.read(RecordID(raw: 1)) }
        #expect(try journal.read(RecordID(raw: 2)).payload == [9])
        #expect(journal.lastID.raw == 2)
    }

    @Test("Files that are no segments are set aside or left alone; an empty one is what a crash leaves")
    func junk() async throws {
        let directory = try TemporaryDirectory()
        let (bytes, _) = try await segment(records: 3)
        var random = Randomness.seeded()
        try directory.write("0000000000000001.segment", bytes)
        try directory.write("0000000000000004.segment", [])
        try directory.write("0000000000000005.segment", [UInt8](repeating: 0, count: 5000))
        try directory.write("0000000000000006.segment", random.bytes(5000))
        try directory.write("0000000000000007.segment", bytes)
        try directory.write("ffffffffffffffff.segment", random.bytes(10))
        try directory.write("zzz.segment", [1])
        try directory.write("0000000000000001.index.new", [1, 2])
        try directory.write("0000000000000009.index", [1, 2])
        try directory.write("notes.txt", [1, 2])
        let journal = try Journal(settings: .quick(directory), now: start)
        #expect(
            journal.recovery.setAside == [
                "0000000000000006.segment", "0000000000000007.segment", "ffffffffffffffff.segment", "zzz.segment",
            ])
        #expect(journal.lastID.raw == 3)
        #expect(await journal.append(entry([1])) == stored(4))
        #expect(
            try directory.names == [
                "0000000000000001.segment", "0000000000000006.segment.damaged", "0000000000000007.segment.damaged",
                "ffffffffffffffff.segment.damaged", "journal.lock", "notes.txt", "zzz.segment.damaged",
            ])
    }

    @Test("Random bytes in place of a segment or an index never trap")
    func randomFiles() async throws {
        var random = Randomness.seeded()
        let (bytes, ends) = try await segment(records: 5)
        for _ in 0..<300 {
            let directory = try TemporaryDirectory()
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...20, using: &random) {
                let at = Int.random(in: 0..<damaged.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: damaged[at] = UInt8.random(in: 0...255, using: &random)
                case 1: damaged.insert(contentsOf: random.bytes(5), at: at)
                default: damaged.removeSubrange(at..<min(at + 7, damaged.count))
                }
            }
            try directory.write("0000000000000001.segment", damaged)
            try directory.write("0000000000000006.segment", bytes[..<Int.random(in: 0...ends[2], using: &random)] + [])
            try directory.write("0000000000000001.index", random.bytes(200))
            let journal = try Journal(settings: .quick(directory), now: start)
            _ = try journal.replay(from: RecordID(raw: 1)) { _ in }
            let next = journal.lastID.raw + 1
            #expect(await journal.append(entry([1])) == stored(next))
        }
    }

    @Test("A segment of a newer version is refused and left as it is")
    func newerVersion() async throws {
        let directory = try TemporaryDirectory()
        let bytes = head(version: 3, salt: 3)
        try directory.write("0000000000000001.segment", bytes)
        let error = #expect(throws: JournalError.self) { try Journal(settings: .quick(directory), now: start) }
        #expect(error == .version(file: directory.path + "/0000000000000001.segment", found: 3, supported: 2))
        #expect(try directory.read("0000000000000001.segment") == bytes)
    }

    @Test("A segment of version 1 is read, and gone on with as one of version 2")
    func olderVersion() async throws {
        let directory = try TemporaryDirectory()
        var journal = try Journal(settings: .quick(directory), now: start)
        _ = await journal.append([entry([1, 2], keys: [7]), entry([3], keys: [7])])
        journal.close()
        // Records without a tenant are what version 1 wrote, byte for byte.
        let written = try directory.read("0000000000000001.segment")
        let salt = written[24..<32].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        #expect(written[..<32] == head(version: 2, salt: salt)[...] && written[73..<76] == [0, 0, 0])
        try directory.write("0000000000000001.segment", head(version: 1, salt: salt) + written[32...])
        journal = try Journal(settings: .quick(directory), now: start)
        #expect(await journal.append(entry([4], keys: [7], tenant: "ws-1")) == stored(3))
        for _ in 0..<2 {
            #expect(journal.recovery.damagedRecords == 0 && journal.recovery.bytesCut == 0)
            let records = try (1...3).map { try journal.read(RecordID(raw: $0)) }
            #expect(records.map(\.payload) == [[1, 2], [3], [4]] && records.map(\.tenant) == [nil, nil, "ws-1"])
            #expect(journal.records(key: 7, limit: 9).map(\.raw) == [1, 2, 3])
            journal.close()
            #expect(try directory.read("0000000000000001.segment")[..<32] == head(version: 2, salt: salt)[...])
            journal = try Journal(settings: .quick(directory), now: start)
        }
    }

    /// The head of the segment of record 1.
    private func head(version: UInt8, salt: UInt64) -> [UInt8] {
        let head: [UInt8] =
            [UInt8]("SPANJRNL".utf8) + [version, 0, 0, 0] + [0, 0, 0, 0] + [1, 0, 0, 0, 0, 0, 0, 0]
            + withUnsafeBytes(of: salt.littleEndian) { Array($0) }
        let checksum = crc32(Array(head[..<12] + head[16...]))
        return head[..<12] + withUnsafeBytes(of: checksum) { Array($0) } + head[16...]
    }

    /// The checksum bit by bit, as the definition says.
    private func crc32(_ bytes: [UInt8]) -> UInt32 {
        var value = UInt32.max
        for byte in bytes {
            value ^= UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
        }
        return ~value
    }

    @Test("A directory in use, and one that cannot be made, are refused by name")
    func directories() async throws {
        let directory = try TemporaryDirectory()
        let journal = try Journal(settings: .quick(directory), now: start)
        #expect(throws: JournalError.locked(directory.path)) { try Journal(settings: .quick(directory), now: start) }
        journal.close()
        try Journal(settings: .quick(directory), now: start).close()

        let error = #expect(throws: JournalError.self) {
            try Journal(settings: JournalSettings(directory: "/proc/journal"), now: start)
        }
        #expect(error?.description.contains("/proc/journal") == true)
        #expect(error?.description.contains("journal.directory") == true)
        // A file where the directory should be.
        try directory.write("file", [])
        #expect(throws: JournalError.directory(directory.path + "/file", operation: "mkdir", code: ENOTDIR)) {
            try Journal(settings: JournalSettings(directory: directory.path + "/file"), now: start)
        }
        // A read-only file system (tests may run as root, whom permissions do not stop).
        var files = FileOperations.system
        files.open = { [system = files.open] path, flags in flags & O_ACCMODE == O_RDONLY ? system(path, flags) : -EROFS }
        #expect(throws: JournalError.directory(directory.path, operation: "open journal.lock", code: EROFS)) {
            try Journal(settings: .quick(directory), now: start, files: files)
        }
    }
}
