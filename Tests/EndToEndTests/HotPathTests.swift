import FoundationEssentials
import Glibc
import Testing

/// What the hot path may cost, counted and not timed.
@Suite("The hot path")
struct HotPathTests {
    @Test("2,000 spans need no more calls of the allocator than 1,000, beyond the limits that the bench names")
    func allocations() throws { try run("allocations") }

    @Test("a span needs no more instructions in any part of its way than the bench allows, counted by valgrind")
    func instructions() throws { try run("instructions") }

    /// The release build, which `make test` makes: without the optimiser much is done for every span that is not done then.
    private func run(_ command: String) throws {
        let output = FileManager.default.temporaryDirectory.appending(path: "\(command)-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: output) }
        let bench = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../.build/release/spanbridge-bench").standardized
        let process = try spawn(bench.path, [command], output: output.path)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        let said = try String(contentsOf: output, encoding: .utf8)
        #expect(status == 0, "\(said)")
    }
}
