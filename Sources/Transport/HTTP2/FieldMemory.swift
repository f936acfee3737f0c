import Glibc

/// The header list of a connection's previous request. Senders repeat theirs from request to request, so most strings
/// need not be made again.
struct FieldMemory {
    private var fields: [HeaderField] = []
    private var target = ""
    private var authority = ""

    /// The field at `index` of a list, shared with the previous one where they agree.
    func field(
        at index: Int, name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>
    ) -> HeaderField {
        guard index < fields.count, fields[index].name.equals(name) else {
            return HeaderField(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
        }
        if fields[index].value.equals(value) { return fields[index] }
        return HeaderField(fields[index].name, String(decoding: value, as: UTF8.self))
    }

    func target(_ value: UnsafeBufferPointer<UInt8>) -> String {
        target.equals(value) ? target : String(decoding: value, as: UTF8.self)
    }

    func authority(_ value: UnsafeBufferPointer<UInt8>) -> String {
        authority.equals(value) ? authority : String(decoding: value, as: UTF8.self)
    }

    mutating func remember(fields: [HeaderField], target: String, authority: String) {
        self.fields = fields
        self.target = target
        self.authority = authority
    }
}

extension String {
    /// Safe: memcmp is given two buffers of the same, checked length.
    fileprivate func equals(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard utf8.count == bytes.count else { return false }
        guard let base = bytes.baseAddress else { return true }
        return utf8.withContiguousStorageIfAvailable { own in
            own.baseAddress.map { memcmp($0, base, bytes.count) == 0 } ?? true
        } ?? false
    }
}
