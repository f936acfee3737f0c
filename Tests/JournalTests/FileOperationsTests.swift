import Journal
import Testing

@Suite("File operations")
struct FileOperationsTests {
    @Test("A file is read whole, whatever its size", arguments: [0, 1, 65_535, 65_536, 65_537, 200_000])
    func contents(size: Int) throws {
        let directory = try TemporaryDirectory()
        var random = Randomness.seeded()
        let bytes = random.bytes(size)
        try directory.write("file", bytes)
        #expect(try FileOperations.system.contents(of: "\(directory.path)/file") == bytes)
    }

    @Test("A file whose size the system does not tell is read too")
    func contentsOfProc() throws {
        #expect(try FileOperations.system.contents(of: "/proc/self/status").starts(with: Array("Name:".utf8)))
    }

    @Test("What cannot be read is told in words")
    func failures() throws {
        let directory = try TemporaryDirectory()
        #expect { try FileOperations.system.contents(of: "\(directory.path)/missing") } throws: {
            "\($0)" == "No such file or directory"
        }
        #expect { try FileOperations.system.contents(of: directory.path) } throws: { "\($0)" == "Is a directory" }
    }
}
