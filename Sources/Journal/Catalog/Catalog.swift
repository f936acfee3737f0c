import CSQLite
import Glibc
import Synchronization

/// What is small and changes: entities of a few kinds, by numbers that the caller gives, and named values, in SQLite.
/// Everything in it can be made anew from the segments, so a file that cannot be used is moved aside and an empty one takes
/// its place.
///
/// Sendable because the connection and its statements are used under `lock` only. A thread that must not wait for another's
/// queries opens its own catalog on the same path: readers and the one writer do not block each other.
package final class Catalog: @unchecked Sendable {
    /// How opening went.
    package enum Opening: Sendable, Equatable {
        case existing
        /// There was no file.
        case created
        /// The file was unusable and is now `movedTo`; the segments have to be applied from their first record on.
        case recreated(reason: String, movedTo: String)
    }

    private static let schema: Int64 = 3

    private let lock = Mutex<Void>(())
    private var statements: Statements?

    private struct Statements {
        let connection: SQLiteConnection
        let put, delete, setMeta, get, load, lastID, meta: SQLiteStatement

        init(_ connection: SQLiteConnection) throws(SQLiteError) {
            self.connection = connection
            put = try connection.prepare("REPLACE INTO entity (id, kind, time, body) VALUES (?1, ?2, ?3, ?4)")
            delete = try connection.prepare("DELETE FROM entity WHERE id = ?1")
            setMeta = try connection.prepare(
                "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
            get = try connection.prepare("SELECT id, kind, time, body FROM entity WHERE id = ?1")
            load = try connection.prepare("SELECT id FROM entity ORDER BY time, kind, id")
            lastID = try connection.prepare("SELECT max(id) FROM entity")
            meta = try connection.prepare("SELECT value FROM meta WHERE name = ?1")
        }
    }

    /// Opens a catalog file or makes it.
    /// - Parameter check: also reads the whole file for structural damage first (about a second per GB).
    package static func open(
        _ path: String, check: Bool = true
    ) throws(SQLiteError) -> (catalog: Catalog, opening: Opening) {
        let isThere = access(path, F_OK) == 0
        let reason: String
        do throws(SQLiteError) {
            switch try connect(path, check: check) {
            case .catalog(let statements): return (Catalog(statements), isThere ? .existing : .created)
            case .unusable(let why): reason = why
            }
        } catch where error.isCorrupt {
            reason = error.message
        }
        let aside = path + ".damaged"
        for suffix in ["", "-wal", "-shm"] {
            if rename(path + suffix, aside + suffix) != 0 && (suffix.isEmpty || errno != ENOENT) {
                let code = errno
                throw SQLiteError(
                    code: code, message: String(cString: strerror(code)), context: "move damaged '\(path + suffix)' aside")
            }
        }
        guard case .catalog(let statements) = try connect(path, check: false) else {
            throw SQLiteError(code: SQLITE_CORRUPT, message: reason, context: "make '\(path)' anew")
        }
        return (Catalog(statements), .recreated(reason: reason, movedTo: aside))
    }

    private static let closed = SQLiteError(
        code: SQLITE_MISUSE, message: "the catalog is closed", context: "catalog")

    private init(_ statements: Statements) { self.statements = statements }

    private enum Connecting {
        case catalog(Statements)
        case unusable(String)
    }

    private static func connect(_ path: String, check: Bool) throws(SQLiteError) -> Connecting {
        let connection = try SQLiteConnection(path: path)
        // secure_delete is on in Debian and doubles the writes of a delete. Checkpoints are housekeeping's; the limit of
        // 32 MB is for when that does not come.
        try connection.execute(
            """
            PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
            PRAGMA secure_delete = OFF; PRAGMA wal_autocheckpoint = 8192
            """)
        if check {
            let result = try first(connection.prepare("PRAGMA quick_check(1)")) { $0.text(0) } ?? ""
            if result != "ok" { return .unusable(result) }
        }
        let version = try first(connection.prepare("PRAGMA user_version")) { $0.integer(0) } ?? 0
        let tables = try first(connection.prepare("SELECT count(*) FROM sqlite_schema")) { $0.integer(0) } ?? 0
        if version != schema {
            guard version == 0, tables == 0 else {
                return .unusable("the catalog has schema \(version), this program uses \(schema)")
            }
            // By numbers and not by what the entities are of, since that is random: what is stored together lies together, and
            // a write among a million touches as few pages as one among a thousand.
            try connection.transaction { () throws(SQLiteError) in
                try connection.execute(
                    """
                    CREATE TABLE entity (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, time INTEGER NOT NULL,
                      body BLOB NOT NULL);
                    CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
                    PRAGMA user_version = \(schema)
                    """)
            }
        }
        do throws(SQLiteError) {
            let statements = try Statements(connection)
            // New entities get larger numbers than all before, so there have to be some left.
            let last = try first(statements.lastID) { $0.integer(0) } ?? 0
            return last > Int64.max / 2 ? .unusable("the entity number \(last) is damaged") : .catalog(statements)
        } catch where error.code & 0xFF == SQLITE_ERROR {
            // The tables are not those of this schema.
            return .unusable(error.message)
        }
    }

    private static func first<Value>(
        _ statement: SQLiteStatement, _ value: (SQLiteRow) -> Value
    ) throws(SQLiteError) -> Value? {
        var found: Value?
        do {
            try statement.run([]) { row in
                found = value(row)
                return false
            }
        } catch {
            throw error as? SQLiteError ?? SQLiteError(code: SQLITE_ERROR, message: "\(error)", context: "read")
        }
        return found
    }

    private func locked<Value>(_ body: (Statements) throws -> Value) throws(SQLiteError) -> Value {
        do {
            return try lock.withLock { _ in
                guard let statements else { throw Self.closed }
                return try body(statements)
            }
        } catch {
            throw error as? SQLiteError ?? SQLiteError(code: SQLITE_ERROR, message: "\(error)", context: "catalog")
        }
    }

    // MARK: Writing

    /// Makes all changes in one transaction, or none.
    package func write(_ batch: [CatalogWrite]) throws(SQLiteError) {
        if batch.isEmpty { return }
        try locked { statements in
            try statements.connection.transaction { () throws(SQLiteError) in
                for write in batch {
                    switch write {
                    case .put(let id, let kind, let time, let body):
                        try statements.put.execute(Int64(clamping: id), Int64(kind), Int64(clamping: time), body)
                    case .delete(let id): try statements.delete.execute([.integer(Int64(clamping: id))])
                    case .setMeta(let name, let value): try statements.setMeta.execute([.text(name), .blob(value)])
                    }
                }
            }
        }
    }

    /// Moves the write-ahead log into the database; for housekeeping.
    package func checkpoint() throws(SQLiteError) { try locked { try $0.connection.checkpoint() } }

    // MARK: Reading

    /// Calls the body with each entity, the oldest first, of one time in the order of their kinds and numbers. The body must
    /// not call this catalog. What the body throws is thrown on.
    package func load(_ body: (CatalogEntity) throws -> Void) throws {
        try lock.withLock { _ in
            guard let statements else { throw Self.closed }
            // Sorted without their bodies, which would not all fit into memory.
            try statements.load.run([]) { row in
                try statements.get.run([.integer(row.integer(0))]) { found in
                    try body(
                        CatalogEntity(
                            id: UInt64(clamping: found.integer(0)), kind: Int(found.integer(1)),
                            time: UInt64(clamping: found.integer(2)), body: found.blob(3)))
                    return false
                }
                return true
            }
        }
    }

    /// The largest number of an entity; 0 if there is none.
    package func lastID() throws(SQLiteError) -> UInt64 {
        try locked { statements in try Self.first(statements.lastID) { UInt64(clamping: $0.integer(0)) } ?? 0 }
    }

    package func meta(_ name: String) throws(SQLiteError) -> [UInt8]? {
        try locked { statements in
            var value: [UInt8]?
            try statements.meta.run([.text(name)]) { row in
                value = row.blob(0)
                return true
            }
            return value
        }
    }

    /// Closes the connection; every later call throws. Not to be called from `load`'s body.
    package func close() { lock.withLock { _ in statements = nil } }
}
