/// The detail of `google.rpc.Status` that says when to try again.
enum RetryInfo {
    static let typeURL = "type.googleapis.com/google.rpc.RetryInfo"

    /// The delay in nanoseconds that a `google.rpc.Status` asks for; nil without RetryInfo, or if the bytes are no
    /// Status.
    static func delay(inStatus status: [UInt8]) -> UInt64? {
        do throws(ProtobufFields.Malformed) {
            var fields = ProtobufFields(status)
            while let field = try fields.next() {
                guard field.number == 3, field.wireType == 2, let delay = try delay(inAny: status, field.range) else {
                    continue
                }
                return delay
            }
            return nil
        } catch {
            return nil
        }
    }

    private static func delay(
        inAny bytes: [UInt8], _ range: Range<Int>
    ) throws(ProtobufFields.Malformed) -> UInt64? {
        var isRetryInfo = false
        var value = 0..<0
        var fields = ProtobufFields(bytes, range)
        while let field = try fields.next() {
            guard field.wireType == 2 else { continue }
            // Only the name after the last slash says what the type is (any.proto).
            if field.number == 1 {
                isRetryInfo =
                    bytes[field.range].split(separator: UInt8(ascii: "/")).last?
                    .elementsEqual("google.rpc.RetryInfo".utf8) ?? false
            }
            if field.number == 2 { value = field.range }
        }
        guard isRetryInfo else { return nil }
        var delay: UInt64 = 0
        var detail = ProtobufFields(bytes, value)
        while let field = try detail.next() {
            guard field.number == 1, field.wireType == 2 else { continue }
            delay = ProtobufDuration(protobuf: bytes, field.range)?.nanoseconds ?? 0
        }
        return delay
    }
}
