import FoundationEssentials
import Glibc
import Testing

/// The correlator against the model, at length. `make soak` does the same a hundred times longer.
@Suite("A million spans")
struct SoakTests {
    @Test("of random worlds end where they belong")
    func million() throws {
        let output = FileManager.default.temporaryDirectory.appending(path: "soak-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: output) }
        // The release build, which `make test` makes: a debug build takes ten times as long.
        let soak = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../.build/release/spanbridge-soak").standardized
        let process = try spawn(soak.path, ["1000000"], output: output.path)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        let said = try String(contentsOf: output, encoding: .utf8)
        print(said)
        #expect(status == 0, "\(said)")
    }
}
