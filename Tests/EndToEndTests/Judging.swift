import Dispatch
import Synchronization
import Testing

/// Replays the cases, several at a time, for they mostly wait for holds and quiet times, and expects no findings.
func judge<Case: Sendable & CustomStringConvertible>(
    _ cases: [Case], by replay: @escaping @Sendable (Case) throws -> [String]
) {
    #expect(!cases.isEmpty)
    let failures = Mutex<[String]>([])
    let slots = DispatchSemaphore(value: 12)
    let group = DispatchGroup()
    for this in cases {
        slots.wait()
        DispatchQueue.global().async(group: group) {
            defer { slots.signal() }
            do {
                let findings = try replay(this)
                if !findings.isEmpty {
                    failures.withLock { $0.append("\(this):\n  \(findings.prefix(6).joined(separator: "\n  "))") }
                }
            } catch {
                failures.withLock { $0.append("\(this): \(error)") }
            }
        }
    }
    group.wait()
    let found = failures.withLock { $0 }
    #expect(found.isEmpty, "\(found.count) of \(cases.count) failed:\n\(found.prefix(10).joined(separator: "\n"))")
}
