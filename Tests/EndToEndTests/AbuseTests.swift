import FoundationEssentials
import Glibc
import Testing

/// Peers that break every rule, by a script that writes frames as it likes: after each the relay is there, has not grown, and
/// serves the next.
@Suite("Abuse", .serialized)
struct AbuseTests {
    /// What the script said of each abuse, asked once for all tests.
    private static let outcomes = Result { try ask() }

    @Test("an abuse ends in the right error or a closed connection, and the next client is served", arguments: names)
    func abuse(name: String) throws {
        let outcome = try #require(Self.outcomes.get()[name], "the script ended before it")
        #expect(outcome.isEmpty)
    }

    @Test("the script has all its abuses")
    func count() { #expect(Self.names.count >= 38) }

    private static let names = Peer.lines(of: "abuse.py", after: "@abuse").map {
        String($0.dropFirst("def ".count).prefix { $0 != "(" })
    }

    private static func ask() throws -> [String: String] {
        let sink = try RecordingSink()
        defer { sink.stop() }
        let bridge = try BridgeProcess(sinkPort: sink.port, limits: "head_timeout: 1s, body_timeout: 2s")
        let output = bridge.directory.appending(path: "abuse.log")
        let outcomes = try Peer.outcomes(
            "abuse.py", ["\(bridge.grpcPort)", "\(bridge.httpPort)", "\(bridge.processID)"], output: output.path)
        let metrics = try bridge.metrics
        for reason in ["malformed", "slow", "flood"] {
            let line = metrics.split(separator: "\n").first {
                $0.hasPrefix("spanbridge_misused_connections_total{listeners=\"receivers\",reason=\"\(reason)\"} ")
            }
            #expect(line.map { !$0.hasSuffix(" 0") } ?? false, "\(reason): \(line ?? "no such line")")
        }
        #expect(bridge.stop() == 0, "\(bridge.log)")
        return outcomes
    }
}
