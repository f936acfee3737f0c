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
        let bench = URL(filePath: BridgeProcess.binary).deletingLastPathComponent().appending(path: "spanbridge-bench")
        let process = try spawn(bench.path, ["allocations"], output: output.path)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        let said = try String(contentsOf: output, encoding: .utf8)
        #expect(status == 0, "\(said)")
    }
}
