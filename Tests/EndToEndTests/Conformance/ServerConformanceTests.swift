import FoundationEssentials
import Glibc
import Testing

/// The rows of docs/conformance.md about receiving, asked by Python's clients of the running relay: grpcio, h2 and the
/// standard library.
@Suite("OTLP as a server")
struct ServerConformanceTests {
    /// What the script said of each row, asked once for all tests.
    private static let outcomes = Result { try ask() }

    @Test("a row of the table is held", arguments: rowIDs)
    func row(id: String) throws {
        let outcome = try #require(Self.outcomes.get()[id], "the script ended before it")
        #expect(outcome.isEmpty)
    }

    /// The ids in the script's `@row(...)` lines.
    private static let rowIDs: [String] = {
        let script = (try? String(contentsOfFile: Peer.path(of: "conformance.py"), encoding: .utf8)) ?? ""
        return script.split(separator: "\n").filter { $0.hasPrefix("@row(") }.flatMap { line in
            line.split(separator: "\"").enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
        }
    }()

    private static func ask() throws -> [String: String] {
        let sink = try RecordingSink()
        defer { sink.stop() }
        let bridge = try BridgeProcess(
            sinkPort: sink.port, hold: "1s", limits: "head_timeout: 1s, body_timeout: 2s", http: """
                , cors: {allowed_origins: ["https://*.example.org"], allowed_headers: [x-token], max_age: 10m}
                """, otlp: ", max_request_size: 2MiB")
        let output = bridge.directory.appending(path: "conformance.log")
        let ports = [bridge.grpcPort, bridge.httpPort, bridge.apiPort, Int(bridge.processID), 2 << 20].map { "\($0)" }
        let outcomes = try Peer.outcomes("conformance.py", ports, output: output.path)
        #expect(bridge.wait() == 0, "it ends well by the signal that the script sends")
        return outcomes
    }

    @Test("each row of docs/conformance.md that is held names a test that there is")
    func table() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..").standardized
        let table = try String(contentsOf: root.appending(path: "docs/conformance.md"), encoding: .utf8)
        var sources: [String: String] = [:]
        let tests = root.appending(path: "Tests")
        for name in try FileManager.default.subpathsOfDirectory(atPath: tests.path) where name.hasSuffix("Tests.swift") {
            let file = name.split(separator: "/").last.map { String($0.dropLast(6)) } ?? ""
            sources[file] = try String(contentsOf: tests.appending(path: name), encoding: .utf8)
        }
        var listed: Set<String> = []
        for line in table.split(separator: "\n") where line.hasPrefix("| ") {
            let cells = line.split(separator: "|").map { String($0.filter { $0 != "`" }) }
                .map { $0.split(separator: " ").joined(separator: " ") }
            guard cells.count == 5, cells[0] != "row", cells[0].contains(where: \.isNumber) || cells[0].hasPrefix("Health") else {
                continue
            }
            let (id, held, test) = (cells[0], cells[3], cells[4])
            listed.insert(id)
            guard held.hasPrefix("yes") else {
                #expect(cells[1] != "MUST", "\(id) is a MUST")
                #expect(held.count > 10, "\(id) does not say why it is not held")
                continue
            }
            if test == "conformance.py" {
                #expect(Self.rowIDs.contains(id), "conformance.py has no row \(id)")
            } else {
                let source = try #require(sources[test], "\(id): there is no \(test)")
                #expect(source.contains(try Regex("\"[^\"]*\\b\(id)\\b[^\"]*\"")), "\(id) is not in a name of \(test)")
            }
        }
        #expect(listed.count > 80)
        for id in Self.rowIDs { #expect(listed.contains(id), "docs/conformance.md does not list \(id)") }
    }
}
