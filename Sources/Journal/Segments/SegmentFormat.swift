// A segment is a file `<first record id, 16 hex digits>.segment`:
//
//     head    magic 8, version 4, checksum of the rest of the head 4, first record id 8, salt 8
//     record  salt 8, id 8, time 8, fingerprint 8, payload length 4, key count 4, kind 1, zero 1,
//             tenant length 2, checksum 4, keys, tenant, payload
//     ...     then zeros, or nothing
//
// All numbers are little-endian. The salt is random for each segment and begins every record: after damage the next
// record is found by searching for it, and nobody who sends payloads can forge it. A record's checksum runs over keys,
// tenant, payload and then its head, so that the sender's thread can do all but the last bytes before the id is known.
// Version 1 had no tenants and zeros in place of their length: its records are records of version 2.

/// The first 32 bytes of a segment.
struct SegmentHead: Equatable {
    static let bytes = 32
    static let version: UInt32 = 2
    private static let magic: UInt64 = 0x4C4E_524A_4E41_5053  // "SPANJRNL"

    let first: UInt64
    let salt: UInt64

    enum Reading: Equatable {
        case head(SegmentHead)
        case otherVersion(UInt32)
        case damaged
    }

    func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(number: Self.magic)
        bytes.append(number: Self.version)
        bytes.append(number: UInt32(0))
        bytes.append(number: first)
        bytes.append(number: salt)
        let checksum = bytes.withUnsafeBytes { Self.checksum($0) }
        withUnsafeBytes(of: checksum) { bytes.replaceSubrange(12..<16, with: $0) }
        return bytes
    }

    static func read(_ bytes: UnsafeRawBufferPointer) -> Reading {
        guard bytes.count >= Self.bytes, bytes.number(at: 0) == magic, bytes.number(at: 12) == checksum(bytes) else {
            return .damaged
        }
        let found: UInt32 = bytes.number(at: 8)
        guard (1...version).contains(found) else { return .otherVersion(found) }
        return .head(SegmentHead(first: bytes.number(at: 16), salt: bytes.number(at: 24)))
    }

    private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var checksum = Checksum()
        checksum.update(bytes.part(0..<12))
        checksum.update(bytes.part(16..<32))
        return checksum.value
    }
}

/// The fixed part of a record.
struct RecordHead: Equatable {
    static let bytes = 48

    var salt: UInt64
    var id: UInt64
    var time: UInt64
    var fingerprint: UInt64
    var payloadBytes: UInt32
    var keyCount: UInt32
    var kind: UInt8
    var tenantBytes: UInt16
    private(set) var checksum: UInt32 = 0

    init(salt: UInt64, id: UInt64, entry: JournalEntry) {
        self.salt = salt
        self.id = id
        time = entry.time
        fingerprint = entry.fingerprint
        payloadBytes = UInt32(truncatingIfNeeded: entry.payload.count)
        keyCount = UInt32(truncatingIfNeeded: entry.keys.count)
        kind = entry.kind.rawValue
        tenantBytes = UInt16(truncatingIfNeeded: entry.tenantBytes.count)
    }

    init(_ bytes: UnsafeRawBufferPointer) {
        salt = bytes.number(at: 0)
        id = bytes.number(at: 8)
        time = bytes.number(at: 16)
        fingerprint = bytes.number(at: 24)
        payloadBytes = bytes.number(at: 32)
        keyCount = bytes.number(at: 36)
        kind = bytes[40]
        tenantBytes = bytes.number(at: 42)
        checksum = bytes.number(at: 44)
    }

    /// The longest tenant that a record can hold, in bytes.
    static let tenantLimit = Int(UInt16.max)

    /// Keys, tenant and payload.
    var contentBytes: Int { 8 * Int(keyCount) + Int(tenantBytes) + Int(payloadBytes) }

    /// Appends the head to the bytes; `content` is the checksum over keys, tenant and payload.
    func append(to bytes: inout [UInt8], content: Checksum) {
        let start = bytes.count
        bytes.append(number: salt)
        bytes.append(number: id)
        bytes.append(number: time)
        bytes.append(number: fingerprint)
        bytes.append(number: payloadBytes)
        bytes.append(number: keyCount)
        bytes.append(number: UInt32(kind) | UInt32(tenantBytes) << 16)
        var checksum = content
        bytes.withUnsafeBytes { checksum.update($0.part(start..<$0.count)) }
        bytes.append(number: checksum.value)
    }

    /// True if head and content are what was written.
    static func isIntact(head: UnsafeRawBufferPointer, content: UnsafeRawBufferPointer) -> Bool {
        var checksum = Checksum()
        checksum.update(content)
        checksum.update(head.part(0..<44))
        return checksum.value == head.number(at: 44)
    }
}

extension JournalEntry {
    /// The part of the record's checksum that does not depend on its id.
    var contentChecksum: Checksum {
        var checksum = Checksum()
        keys.withUnsafeBytes { checksum.update($0) }
        Array(tenantBytes).withUnsafeBytes { checksum.update($0) }
        payload.withUnsafeBytes { checksum.update($0) }
        return checksum
    }
}
