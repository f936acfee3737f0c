import CSQLite

/// A failed call of SQLite.
package struct SQLiteError: Error, Sendable, Equatable, CustomStringConvertible {
    /// SQLite's extended result code.
    package let code: Int32
    package let message: String
    /// The database and what was done.
    package let context: String

    /// True if the file is not a sound database: the catalog can be rebuilt from the segments.
    package var isCorrupt: Bool {
        let primary = code & 0xFF
        return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB
    }

    package var description: String {
        "SQLite: \(context): \(message) (extended code \(code)); check the disk under journal.directory"
    }
}
