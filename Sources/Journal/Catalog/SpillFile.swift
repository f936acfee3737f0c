import Glibc

/// Bodies by number in a file that lives no longer than the process: what has no room in memory. Belongs to one thread at a
/// time.
///
/// It is a SQLite database of its own. Nothing in it is needed after a crash, so nothing is synced.
package final class SpillFile {
    private let path: String
    private let insert, select, oldest, delete: SQLiteStatement

    /// Makes the file anew.
    package init(path: String) throws(SQLiteError) {
        self.path = path
        Self.remove(path)
        let connection = try SQLiteConnection(path: path)
        // The journal in memory keeps the file usable if a write fails.
        try connection.execute(
            """
            PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
            PRAGMA secure_delete = OFF; PRAGMA cache_size = -4096;
            CREATE TABLE body (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)
            """)
        insert = try connection.prepare("INSERT INTO body (id, bytes) VALUES (?1, ?2)")
        select = try connection.prepare("SELECT id, bytes FROM body WHERE id = ?1")
        oldest = try connection.prepare("SELECT id, bytes FROM body ORDER BY id LIMIT 1")
        delete = try connection.prepare("DELETE FROM body WHERE id = ?1")
    }

    deinit { Self.remove(path) }

    package func put(_ body: [UInt8], id: UInt64) throws(SQLiteError) {
        try insert.execute([.integer(Int64(clamping: id)), .blob(body)])
    }

    /// Gives a body back and removes it; nil if there is none.
    package func take(id: UInt64) throws(SQLiteError) -> [UInt8]? {
        try take(select, [.integer(Int64(clamping: id))])?.body
    }

    /// The same for the body with the smallest number.
    package func takeOldest() throws(SQLiteError) -> (id: UInt64, body: [UInt8])? { try take(oldest, []) }

    private func take(
        _ statement: SQLiteStatement, _ values: [SQLiteValue]
    ) throws(SQLiteError) -> (id: UInt64, body: [UInt8])? {
        var found: (id: UInt64, body: [UInt8])?
        do {
            try statement.run(values) { row in
                found = (UInt64(clamping: row.integer(0)), row.blob(1))
                return false
            }
        } catch {
            throw error as? SQLiteError ?? SQLiteError(code: EIO, message: "\(error)", context: path)
        }
        if let found { try delete.execute([.integer(Int64(clamping: found.id))]) }
        return found
    }

    private static func remove(_ path: String) { unlink(path) }
}
