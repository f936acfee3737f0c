import Foundation
import Journal
import Testing

@Suite struct CatalogTests {
    private func sample(_ catalog: Catalog, _ count: Int = 50) throws {
        try catalog.write(
            (1...count).map {
                .put(id: UInt64($0), kind: 1, time: UInt64($0 / 2), body: [UInt8](repeating: UInt8($0), count: $0 - 1))
            } + [.put(id: 1_000, kind: 2, time: .max, body: [1]), .setMeta(name: "applied", value: [1, 2])])
    }

    private func entities(_ catalog: Catalog) throws -> [CatalogEntity] {
        var entities: [CatalogEntity] = []
        try catalog.load { entities.append($0) }
        return entities
    }

    @Test("Entities are put, replaced, deleted and found after reopening")
    func roundTrip() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/catalog.sqlite"
        var (catalog, opening) = try Catalog.open(path)
        #expect(opening == .created)
        #expect(try catalog.lastID() == 0)
        try sample(catalog)
        for _ in 0..<2 {
            let all = try entities(catalog)
            #expect(all.map(\.id) == Array(1...50) + [1_000])
            #expect(all[6] == CatalogEntity(id: 7, kind: 1, time: 3, body: [7, 7, 7, 7, 7, 7]))
            #expect(all[0].body == [])
            #expect(try catalog.lastID() == 1_000)
            #expect(all[50].kind == 2 && all[50].time == UInt64(Int64.max))
            #expect(try catalog.meta("applied") == [1, 2])
            #expect(try catalog.meta("x") == nil)
            catalog.close()
            #expect(throws: SQLiteError.self) { try catalog.meta("applied") }
            (catalog, opening) = try Catalog.open(path)
            #expect(opening == .existing)
        }
        try catalog.write([
            .put(id: 7, kind: 2, time: 99, body: [1]), .delete(id: 8), .delete(id: 200), .setMeta(name: "applied", value: []),
        ])
        let all = try entities(catalog)
        #expect(all.map(\.id) == Array(1...6) + Array(9...50) + [7, 1_000])
        #expect(all[48] == CatalogEntity(id: 7, kind: 2, time: 99, body: [1]))
        #expect(try catalog.meta("applied") == [])
        try catalog.checkpoint()
    }

    @Test("Entities of several kinds come the oldest first")
    func loadOrder() throws {
        let directory = try TemporaryDirectory()
        let (catalog, _) = try Catalog.open(directory.path + "/c")
        var expected: [[Int]] = []
        for number in 1...5_000 {
            let (kind, time) = (1 + number % 3, number * 7_919 % 997)
            try catalog.write([.put(id: UInt64(number), kind: kind, time: UInt64(time), body: [])])
            expected.append([time, kind, number])
        }
        let found = try entities(catalog).map { [Int($0.time), $0.kind, Int($0.id)] }
        #expect(found == expected.sorted { $0.lexicographicallyPrecedes($1) })
    }

    @Test("What a body throws ends the load, and the catalog works on")
    func throwingBody() throws {
        struct Stop: Error {}
        let directory = try TemporaryDirectory()
        let (catalog, _) = try Catalog.open(directory.path + "/c")
        try sample(catalog)
        var count = 0
        #expect(throws: Stop.self) {
            try catalog.load { _ in
                count += 1
                if count == 3 { throw Stop() }
            }
        }
        try catalog.write([.put(id: 1, kind: 1, time: 1, body: [])])
        // A second connection reads beside the first.
        let (other, _) = try Catalog.open(directory.path + "/c")
        #expect(try entities(other).count == 51)
    }

    @Test("A file that is no database, a damaged one and one of another schema are moved aside")
    func unusable() throws {
        var random = Randomness.seeded()
        for round in 0..<4 {
            let directory = try TemporaryDirectory()
            let path = directory.path + "/catalog.sqlite"
            let (catalog, _) = try Catalog.open(path)
            try sample(catalog, 200)
            catalog.close()
            var bytes = try directory.read("catalog.sqlite")
            switch round {
            case 0: bytes = random.bytes(10_000)
            case 1: for at in 4096..<bytes.count { bytes[at] = UInt8.random(in: 0...255, using: &random) }
            case 2: bytes[63] = 9  // user_version
            default: bytes.removeLast(4096)
            }
            try directory.write("catalog.sqlite", bytes)
            let (anew, opening) = try Catalog.open(path)
            guard case .recreated(let reason, let movedTo) = opening else {
                Issue.record("round \(round): \(opening)")
                continue
            }
            #expect(!reason.isEmpty)
            #expect(movedTo == path + ".damaged")
            #expect(try directory.read("catalog.sqlite.damaged") == bytes)
            #expect(try entities(anew).isEmpty)
            try sample(anew)
        }
    }

    @Test("A catalog with a number that leaves none for new entities is moved aside")
    func lastNumber() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/catalog.sqlite"
        var (catalog, opening) = try Catalog.open(path)
        try catalog.write([.put(id: UInt64(Int64.max / 2), kind: 1, time: 1, body: [1])])
        catalog.close()
        (catalog, opening) = try Catalog.open(path)
        #expect(opening == .existing)
        try catalog.write([.put(id: UInt64(Int64.max / 2) + 1, kind: 1, time: 1, body: [1])])
        catalog.close()
        (catalog, opening) = try Catalog.open(path)
        #expect(
            opening
                == .recreated(reason: "the entity number \(Int64.max / 2 + 1) is damaged", movedTo: path + ".damaged"))
        #expect(try catalog.lastID() == 0)
    }

    @Test("Damaged bytes anywhere lead to an error or an answer, never to a trap")
    func everyDamage() throws {
        var random = Randomness.seeded()
        let directory = try TemporaryDirectory()
        let (catalog, _) = try Catalog.open(directory.path + "/original")
        try sample(catalog, 100)
        catalog.close()
        let bytes = try directory.read("original")
        for round in 0..<60 {
            var damaged = bytes
            for _ in 0..<5 {
                let at = Int.random(in: 0..<(round % 2 == 0 ? 200 : bytes.count), using: &random)
                damaged[at] = UInt8.random(in: 0...255, using: &random)
            }
            try directory.write("copy\(round)", damaged)
            guard let (copy, _) = try? Catalog.open(directory.path + "/copy\(round)", check: false) else { continue }
            try? copy.load { _ in }
            try? copy.write([.put(id: 1, kind: 1, time: 2, body: [3])])
        }
    }

    @Test("A directory that is not there is an error with SQLite's code and text")
    func noDirectory() throws {
        let error = #expect(throws: SQLiteError.self) { try Catalog.open("/proc/none/catalog") }
        #expect(error.map { $0.code & 0xFF } == 14)
        #expect(error?.description.contains("/proc/none/catalog") == true)
    }
}
