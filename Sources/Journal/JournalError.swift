import Glibc

/// Why the journal could not do something; the description is for a person and names the configuration key.
package enum JournalError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A setting is outside its limits.
    case settings(String)
    /// The directory cannot be used; `code` is an errno.
    case directory(String, operation: String, code: Int32)
    /// Another process (or another journal in this one) uses the directory.
    case locked(String)
    /// A segment was written by a version that this one cannot read.
    case version(file: String, found: UInt32, supported: UInt32)
    /// The disk does not take records in; `code` is an errno. Later appends are tried again.
    case write(directory: String, operation: String, code: Int32)
    /// A file could not be read; `code` is an errno.
    case read(file: String, operation: String, code: Int32)
    /// Too much waits for the disk already.
    case full(waitingBytes: Int, waitingRecords: Int, limitBytes: Int, limitRecords: Int)
    /// The entry exceeds the limit of one record.
    case tooLarge(bytes: Int, limit: Int)
    /// The journal was closed.
    case closed
    /// Not stored yet, or deleted by retention.
    case notFound(RecordID, first: RecordID, last: RecordID)
    /// The record's bytes on disk are not what was written.
    case damaged(RecordID, file: String)

    package var description: String {
        switch self {
        case .settings(let what): "journal settings: \(what)"
        case .directory(let path, let operation, let code):
            "cannot use the journal's directory '\(path)' (\(operation): \(Self.text(code))); "
                + "set journal.directory to a directory this user may write"
        case .locked(let path):
            "the journal's directory '\(path)' is in use by another process; "
                + "stop that or set journal.directory to another directory"
        case .version(let file, let found, let supported):
            "'\(file)' has format version \(found), this program reads versions up to \(supported); "
                + "use the program that wrote it or set journal.directory to another directory"
        case .write(let directory, let operation, let code) where code == ENOSPC || code == EDQUOT:
            "no space for the journal in '\(directory)' (\(operation): \(Self.text(code))); "
                + "free space, lower journal.retention.size or move journal.directory"
        case .write(let directory, let operation, let code):
            "the journal cannot write in '\(directory)' (\(operation): \(Self.text(code))); "
                + "check the disk under journal.directory"
        case .read(let file, let operation, let code):
            "the journal cannot read '\(file)' (\(operation): \(Self.text(code))); "
                + "check the disk under journal.directory"
        case .full(let bytes, let records, let limitBytes, let limitRecords):
            "\(records) records of \(bytes) bytes wait for the journal's disk, the limits are \(limitRecords) records "
                + "and \(limitBytes) bytes; raise journal.queue_size or use a faster disk for journal.directory"
        case .tooLarge(let bytes, let limit):
            "a record of \(bytes) bytes is larger than the journal's limit of \(limit) bytes; "
                + "lower receivers.otlp.max_request_size so that senders learn it earlier"
        case .closed: "the journal is closed"
        case .notFound(let id, let first, let last):
            "record \(id) is not in the journal, which has \(first) to \(last); "
                + "journal.retention.age and journal.retention.size decide how long records stay"
        case .damaged(let id, let file):
            "record \(id) in '\(file)' is damaged: its checksum does not match; check the disk under journal.directory"
        }
    }

    private static func text(_ code: Int32) -> String {
        // Safe: glibc keeps the text per thread since 2.32, and it is copied before anything else runs here.
        String(cString: strerror(code)) + ", errno \(code)"
    }
}
