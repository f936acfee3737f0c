import CSQLite
import Glibc

/// One connection to one database file, opened without SQLite's own mutexes: it and its statements belong to one thread at
/// a time.
final class SQLiteConnection {
    /// Safe: SQLite's handle is valid from a successful open to `sqlite3_close_v2` in deinit, which waits for the
    /// statements, each of which keeps this object alive.
    fileprivate let handle: OpaquePointer
    let path: String

    init(path: String) throws(SQLiteError) {
        self.path = path
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = sqlite3_open_v2(path, &opened, flags, nil)
        guard let opened, code == SQLITE_OK else {
            let message = String(cString: opened.map { sqlite3_errmsg($0) } ?? sqlite3_errstr(code))
            sqlite3_close_v2(opened)
            throw SQLiteError(code: code, message: message, context: "open '\(path)'")
        }
        handle = opened
    }

    deinit { sqlite3_close_v2(handle) }

    func error(_ code: Int32, _ context: String) -> SQLiteError {
        // Safe: the text is valid until the next call on this connection, and copied here.
        SQLiteError(code: code, message: String(cString: sqlite3_errmsg(handle)), context: "\(context) in '\(path)'")
    }

    /// Runs statements that return nothing of interest.
    func execute(_ sql: String) throws(SQLiteError) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        if code != SQLITE_OK { throw error(code, sql) }
    }

    /// Runs the body in a transaction, which is taken back if it throws.
    func transaction(_ body: () throws(SQLiteError) -> Void) throws(SQLiteError) {
        try execute("BEGIN IMMEDIATE")
        do throws(SQLiteError) {
            try body()
            try execute("COMMIT")
        } catch {
            // Some errors have ended the transaction already.
            if sqlite3_get_autocommit(handle) == 0 { _ = try? execute("ROLLBACK") }
            throw error
        }
    }

    /// Moves what the write-ahead log holds into the database, as far as no reader needs it.
    func checkpoint() throws(SQLiteError) {
        let code = sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
        if code != SQLITE_OK { throw error(code, "checkpoint") }
    }

    func prepare(_ sql: String) throws(SQLiteError) -> SQLiteStatement {
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement else { throw error(code, "prepare \(sql)") }
        return SQLiteStatement(statement, sql: sql, connection: self)
    }
}

/// A value for a statement's parameter.
enum SQLiteValue {
    case integer(Int64)
    case text(String)
    case blob([UInt8])
}

/// A statement that is prepared once and run often. Belongs to its connection's thread.
final class SQLiteStatement {
    /// Safe: valid from prepare to finalize in deinit; `connection` keeps the database open for as long.
    private let handle: OpaquePointer
    private let sql: String
    private let connection: SQLiteConnection

    fileprivate init(_ handle: OpaquePointer, sql: String, connection: SQLiteConnection) {
        self.handle = handle
        self.sql = sql
        self.connection = connection
    }

    deinit { sqlite3_finalize(handle) }

    /// Runs the statement and calls the body with each row until it says "no more" by false. The row is valid during the
    /// call only.
    func run(_ values: [SQLiteValue], _ row: (SQLiteRow) throws -> Bool = { _ in true }) throws {
        defer {
            sqlite3_reset(handle)
            sqlite3_clear_bindings(handle)
        }
        for (index, value) in values.enumerated() { try bind(value, at: Int32(index + 1)) }
        while true {
            switch sqlite3_step(handle) {
            case SQLITE_ROW:
                if try !row(SQLiteRow(handle: handle)) { return }
            case SQLITE_DONE: return
            case let code: throw connection.error(code, sql)
            }
        }
    }

    /// As `run` for statements whose rows do not matter.
    func execute(_ values: [SQLiteValue]) throws(SQLiteError) {
        do {
            try run(values)
        } catch {
            throw error as? SQLiteError ?? SQLiteError(code: SQLITE_ERROR, message: "\(error)", context: sql)
        }
    }

    /// As `execute` for three numbers and a blob, which is lent to SQLite and not copied: for what is written by thousands.
    func execute(_ first: Int64, _ second: Int64, _ third: Int64, _ blob: [UInt8]) throws(SQLiteError) {
        // Safe: a null destructor (SQLITE_STATIC) says that the bytes stay where they are while they are bound, which the
        // closure outlasts.
        let failure: SQLiteError? = blob.withUnsafeBytes { bytes in
            sqlite3_bind_int64(handle, 1, first)
            sqlite3_bind_int64(handle, 2, second)
            sqlite3_bind_int64(handle, 3, third)
            bind(bytes, at: 4, nil)
            let code = sqlite3_step(handle)
            let failure = code == SQLITE_DONE ? nil : connection.error(code, sql)
            sqlite3_reset(handle)
            sqlite3_bind_null(handle, 4)
            return failure
        }
        if let failure { throw failure }
    }

    private func bind(_ value: SQLiteValue, at index: Int32) throws(SQLiteError) {
        // Safe: SQLITE_TRANSIENT (-1) makes SQLite copy the bytes before the call returns.
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        let code =
            switch value {
            case .integer(let number): sqlite3_bind_int64(handle, index, number)
            case .text(let text): sqlite3_bind_text(handle, index, text, -1, transient)
            case .blob(let bytes): bytes.withUnsafeBytes { bind($0, at: index, transient) }
            }
        if code != SQLITE_OK { throw connection.error(code, "bind \(index) of \(sql)") }
    }

    /// Returns SQLite's code.
    @discardableResult
    private func bind(_ bytes: UnsafeRawBufferPointer, at index: Int32, _ destructor: sqlite3_destructor_type?) -> Int32 {
        // A nil pointer would bind NULL instead of no bytes.
        bytes.isEmpty
            ? sqlite3_bind_zeroblob(handle, index, 0)
            : sqlite3_bind_blob64(handle, index, bytes.baseAddress, UInt64(bytes.count), destructor)
    }
}

/// The current row of a running statement.
struct SQLiteRow {
    fileprivate let handle: OpaquePointer

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    func blob(_ column: Int32) -> [UInt8] {
        // Safe: the pointer is asked for before the length, as SQLite wants, and the bytes are copied before the next step.
        guard let bytes = sqlite3_column_blob(handle, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(handle, column))))
    }

    func text(_ column: Int32) -> String { String(decoding: blob(column), as: UTF8.self) }
}
