import Foundation
import Journal
import Synchronization
import Testing

/// SplitMix64: the same numbers for the same seed everywhere.
struct Randomness: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    /// A generator with a fresh seed, which is printed so that a failure can be repeated.
    static func seeded(_ test: String = #function) -> Randomness {
        let seed = UInt64.random(in: 0 ... .max)
        print("\(test): seed \(seed)")
        return Randomness(seed: seed)
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) } }
}

/// A directory that goes away with its owner.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "journal-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var names: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() } }
    var segments: [String] { get throws { try names.filter { $0.hasSuffix(".segment") } } }

    func read(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path + "/" + name))) }
    func write(_ name: String, _ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name)) }
    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path + "/" + name) }
}

let second: UInt64 = 1_000_000_000
/// 2023-11-14, Unix nanoseconds.
let start: UInt64 = 1_700_000_000 * second

extension JournalSettings {
    /// Without syncs, for tests that do not concern them.
    static func quick(_ directory: TemporaryDirectory, _ change: (inout JournalSettings) -> Void = { _ in }) -> JournalSettings {
        var settings = JournalSettings(directory: directory.path)
        settings.durability = .memory
        change(&settings)
        return settings
    }
}

extension Journal {
    func append(_ entry: JournalEntry) async -> Result<AppendOutcome, JournalError> {
        await withCheckedContinuation { continuation in append(entry) { continuation.resume(returning: $0) } }
    }

    /// Appends all, in order, and returns the outcomes once the last has come.
    func append(_ entries: [JournalEntry]) async -> [Result<AppendOutcome, JournalError>] {
        if entries.isEmpty { return [] }
        let outcomes = Collector<Result<AppendOutcome, JournalError>>()
        return await withCheckedContinuation { continuation in
            for entry in entries {
                append(entry) { if outcomes.add($0) == entries.count { continuation.resume(returning: outcomes.all) } }
            }
        }
    }
}

/// Values from several threads.
final class Collector<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])
    var all: [Value] { values.withLock { $0 } }

    /// Adds a value; returns how many there are now.
    @discardableResult
    func add(_ value: Value) -> Int {
        values.withLock {
            $0.append(value)
            return $0.count
        }
    }
}

/// A number that a test sets and a file operation reads.
final class Dial: Sendable {
    private let cell: Atomic<Int>
    init(_ value: Int = 0) { cell = Atomic(value) }
    var value: Int {
        get { cell.load(ordering: .sequentiallyConsistent) }
        set { cell.store(newValue, ordering: .sequentiallyConsistent) }
    }
    @discardableResult func increment() -> Int { cell.add(1, ordering: .sequentiallyConsistent).newValue }
}

func entry(
    _ payload: [UInt8], kind: RecordKind = .traces, time: UInt64 = start, keys: [UInt64] = [], fingerprint: UInt64 = 0,
    tenant: String? = nil
) -> JournalEntry {
    JournalEntry(kind: kind, time: time, payload: payload, keys: keys, fingerprint: fingerprint, tenant: tenant)
}

func stored(_ id: UInt64) -> Result<AppendOutcome, JournalError> { .success(.stored(RecordID(raw: id))) }

extension Result where Failure == JournalError {
    var error: JournalError? { if case .failure(let error) = self { error } else { nil } }
}
