import Correlation
import Journal

/// What the relay remembers beside the journal: the correlator's state, how far into the journal it reaches, and how far
/// everything has been delivered. It can be lost: then a start reads the whole journal.
///
/// Belongs to the housekeeping thread once the relay runs.
final class StateStore: @unchecked Sendable {
    // The catalog's connection is used by the starting thread first and by the housekeeping thread after.
    private let catalog: Catalog

    init(catalog: Catalog) {
        self.catalog = catalog
    }

    /// Up to which record the stored state was learned, everything was delivered, and every event was forwarded.
    func marks() throws(SQLiteError) -> (applied: UInt64, delivered: UInt64, forwarded: UInt64) {
        (try number("applied"), try number("delivered"), try number("forwarded"))
    }

    /// Gives the stored state to the correlator. Returns how many pieces could not be read (damaged, or of another version's
    /// format); they are deleted, and learned from the journal again if the caller starts its replay at the beginning.
    func restore(into correlator: Correlator, now: UInt64) throws -> Int {
        correlator.lastStoredID = try catalog.lastID()
        var damaged = 0
        var unreadable: [CatalogWrite] = []
        try catalog.load { entity in
            guard let kind = StoredState.Kind(rawValue: entity.kind) else { return }
            let state = StoredState(kind: kind, id: entity.id, time: entity.time, body: entity.body)
            guard !correlator.restore(state, now: now) else { return }
            damaged += 1
            // If there are more, the next start deletes those.
            if unreadable.count < 100_000 { unreadable.append(.delete(id: entity.id)) }
        }
        try catalog.write(unreadable)
        return damaged
    }

    /// Stores what changed together with how far it reaches.
    func store(
        _ changed: [StoredState], applied: UInt64, delivered: UInt64, forwarded: UInt64
    ) throws(SQLiteError) {
        var writes = changed.map {
            $0.body.isEmpty
                ? CatalogWrite.delete(id: $0.id)
                : .put(id: $0.id, kind: $0.kind.rawValue, time: $0.time, body: $0.body)
        }
        writes.append(.setMeta(name: "applied", value: Self.bytes(applied)))
        writes.append(.setMeta(name: "delivered", value: Self.bytes(delivered)))
        writes.append(.setMeta(name: "forwarded", value: Self.bytes(forwarded)))
        try catalog.write(writes)
    }

    /// Moves what was written into the main file, so that the write-ahead log stays small. A failure shows at the next
    /// write too, which reports it.
    func tidy() {
        try? catalog.checkpoint()
    }

    func close() {
        catalog.close()
    }

    private func number(_ name: String) throws(SQLiteError) -> UInt64 {
        guard let value = try catalog.meta(name), value.count == 8 else { return 0 }
        return value.reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func bytes(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * $0)) }
    }
}
