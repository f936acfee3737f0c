import Glibc
import Testing

@testable import Journal

@Suite struct SpillFileTests {
    @Test("Bodies come back once, the oldest first if nobody names one, and the file goes with its owner")
    func bodies() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/spill.sqlite"
        try directory.write("spill.sqlite", Array("left by a crash".utf8))
        do {
            let file = try SpillFile(path: path)
            for id: UInt64 in 1...100 { try file.put([UInt8](repeating: UInt8(id), count: Int(id) * 50), id: id) }
            #expect(try file.take(id: 7) == [UInt8](repeating: 7, count: 350))
            #expect(try file.take(id: 7) == nil)
            #expect(try file.take(id: 101) == nil)
            #expect(try file.takeOldest()?.id == 1)
            for id: UInt64 in 2...100 where id != 7 { #expect(try file.takeOldest()?.id == id) }
            #expect(try file.takeOldest() == nil)
            try file.put([], id: 5)
            #expect(try file.take(id: 5) == [])
        }
        #expect(access(path, F_OK) != 0)
    }

    @Test("A number that is taken, or a directory that is not there, is an error that names the file")
    func failures() throws {
        let directory = try TemporaryDirectory()
        let file = try SpillFile(path: directory.path + "/s")
        try file.put([1], id: 1)
        let error = #expect(throws: SQLiteError.self) { try file.put([2], id: 1) }
        #expect(error.map { "\($0)".contains(directory.path + "/s") } == true)
        #expect(try file.take(id: 1) == [1])
        #expect(throws: SQLiteError.self) { try SpillFile(path: "/proc/none/s") }
    }
}
