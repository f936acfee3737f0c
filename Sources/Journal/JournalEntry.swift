/// What a receiver asks the journal to keep.
package struct JournalEntry: Sendable {
    package var kind: RecordKind
    /// When it was received, Unix nanoseconds.
    package var time: UInt64
    package var payload: [UInt8]
    /// 64-bit hashes of what the record shall be found by; a key given twice in a row is indexed once.
    package var keys: [UInt64]
    /// A hash of the payload for recognising a sender's retry; 0 means "store it in any case".
    package var fingerprint: UInt64
    /// The tenant that the sender's credential stands for; nil (or empty) if it stands for none. The same bytes of two
    /// tenants are two requests.
    package var tenant: String?

    package init(
        kind: RecordKind, time: UInt64, payload: [UInt8], keys: [UInt64] = [], fingerprint: UInt64 = 0,
        tenant: String? = nil
    ) {
        self.kind = kind
        self.time = time
        self.payload = payload
        self.keys = keys
        self.fingerprint = fingerprint
        self.tenant = tenant
    }

    /// What the record takes in its segment.
    var storedBytes: Int { RecordHead.bytes + 8 * keys.count + tenantBytes.count + payload.count }

    /// The tenant as it is stored; compared byte by byte, since two spellings of a letter are two tenants.
    var tenantBytes: String.UTF8View { (tenant ?? "").utf8 }
}

/// A stored record, as read back.
package struct JournalRecord: Sendable, Equatable {
    package let id: RecordID
    package let kind: RecordKind
    /// When it was received, Unix nanoseconds.
    package let time: UInt64
    package let payload: [UInt8]
    /// The tenant that the sender's credential stood for; nil if it stood for none.
    package let tenant: String?
}

/// What became of an entry that the journal took.
package enum AppendOutcome: Sendable, Equatable {
    /// Stored, and on disk if the durability is `fsync`.
    case stored(RecordID)
    /// The same bytes of the same tenant were stored within the de-duplication window; nothing was written.
    case duplicate
}
