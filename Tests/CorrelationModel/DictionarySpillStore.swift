import Correlation

/// A spill store in memory.
package final class DictionarySpillStore: SpillStore {
    private var bodies: [UInt64: [UInt8]] = [:]
    /// Fails from now on, as a full disk does.
    package var isFull = false

    /// What becomes of a body on its way back.
    package var damage: ([UInt8]) -> [UInt8]? = { $0 }

    package init() {}

    package func put(_ body: [UInt8], id: UInt64) -> Bool {
        if isFull { return false }
        bodies[id] = body
        return true
    }

    package func take(id: UInt64) -> [UInt8]? { bodies.removeValue(forKey: id).flatMap(damage) }

    package func takeOldest() -> (id: UInt64, body: [UInt8])? {
        guard let id = bodies.keys.min(), let body = take(id: id) else { return nil }
        return (id, body)
    }
}
