import FoundationEssentials
import OTLP

/// One recorded scenario: OTLP requests in the order of their arrival, and the truth about them.
struct Capture: Sendable {
    struct Item: Sendable {
        var signal: Signal
        /// `grpc`, `http` or `http-json`.
        var transport: String
        var body: [UInt8]
        var isGzipped: Bool
    }

    var name: String
    var items: [Item]
    var truth: JSONValue
    /// What the Kestra API answered about its executions, by id.
    var records: [String: [UInt8]] = [:]

    /// Every folder under `Captures` that has recorded requests, by its path.
    static let all: [String] = {
        var found: [String] = []
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Captures")
        for system in ["joint", "kestra", "portarium"] {
            collect(root.appending(path: system), prefix: system, into: &found)
        }
        return found.sorted()
    }()

    private static func collect(_ folder: URL, prefix: String, into found: inout [String]) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        if names.contains(where: { $0.hasSuffix(".meta.json") }) {
            found.append(prefix)
            return
        }
        for name in names { collect(folder.appending(path: name), prefix: "\(prefix)/\(name)", into: &found) }
    }

    init(_ name: String) throws {
        self.name = name
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Captures/\(name)")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        items = try names.filter { $0.hasSuffix(".meta.json") }.map { file in
            let meta = try JSONValue.parse(Array(Data(contentsOf: folder.appending(path: file))))
            let transport = meta["transport"]?.string ?? ""
            let base = file.dropLast(".meta.json".count)
            let body = "\(base).\(transport.contains("json") ? "json" : "pb")"
            let signal = Signal.allCases.first { $0.name == meta["signal"]?.string } ?? .traces
            let headers = meta["headers"]?.array ?? []
            let isGzipped = headers.contains { pair in
                pair.array?.compactMap(\.string).map { $0.lowercased() } == ["grpc-encoding", "gzip"]
            }
            return Item(
                signal: signal, transport: transport,
                body: Array(try Data(contentsOf: folder.appending(path: body))), isGzipped: isGzipped)
        }
        let expected = folder.appending(path: "expected.json")
        if names.contains("executions.json") {
            let answers = try JSONValue.parse(Array(Data(contentsOf: folder.appending(path: "executions.json"))))
            for answer in answers.array ?? [] { records[answer["id"]?.string ?? ""] = answer.serialized }
        }
        truth = try names.contains("expected.json") ? JSONValue.parse(Array(Data(contentsOf: expected))) : .object([])
    }

    var executions: [JSONValue.Member] { truth["executions"]?.members ?? [] }

    var deliveries: [JSONValue] { truth["deliveries"]?.array ?? [] }

    var events: [JSONValue] { truth["events"]?.array ?? [] }

    /// The trace id that each execution's spans must leave with: hex digits, `own`, or nil if no span is expected.
    func wanted(with evidence: Evidence) -> [String: String] {
        var wanted: [String: String] = [:]
        for execution in executions { wanted[execution.key] = execution.value["traceId"]?.string }
        for delivery in deliveries {
            guard let id = delivery["execution"]?.string else { continue }
            let want = delivery["want"]?[evidence.rawValue] ?? delivery["want"]?["bindings"]
            wanted[id] = want?["traceId"]?.string
        }
        return wanted
    }
}

/// What the relay is told beside the telemetry.
enum Evidence: String, Sendable, CaseIterable {
    case none
    case events
    case bindings
    /// Nothing is told, but the relay may ask the Kestra API.
    case api
}

/// The order in which recorded requests are sent.
enum Order: Sendable, CustomStringConvertible {
    case recorded
    case reversed
    case shuffled(seed: UInt64)

    var description: String {
        switch self {
        case .recorded: "recorded"
        case .reversed: "reversed"
        case .shuffled(let seed): "shuffled with seed \(seed)"
        }
    }

    func applied(to items: [Capture.Item]) -> [Capture.Item] {
        switch self {
        case .recorded: return items
        case .reversed: return items.reversed()
        case .shuffled(let seed):
            var random = SplitMix64(state: seed)
            return items.shuffled(using: &random)
        }
    }
}

/// A small random generator whose sequence a seed tells.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
