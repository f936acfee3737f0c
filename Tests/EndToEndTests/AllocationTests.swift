import FoundationEssentials
import Glibc
import Testing

/// What the hot path may cost, counted and not timed.
@Suite("The hot path")
struct AllocationTests {
    @Test("2,000 spans need no more calls of the allocator than 1,000, beyond the limits that the bench names")
    func allocations() throws {
        let output = FileManager.default.temporaryDirectory.appending(path: "allocations-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: output) }
        // The release build, which `make test` makes: without the optimiser much is allocated for every span.
        let bench = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../.build/release/spanbridge-bench").standardized
        let process = try spawn(bench.path, ["allocations"], output: output.path)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        let said = try String(contentsOf: output, encoding: .utf8)
        #expect(status == 0, "\(said)")
    }
}
