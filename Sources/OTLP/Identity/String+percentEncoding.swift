extension String {
    /// The text that a percent-encoded one stands for (RFC 3986 section 2.1), decoded once; nil if an escape is not two hex
    /// digits or if the result is not UTF-8.
    /// - Parameter plusIsSpace: whether `+` stands for a space, as in queries (WHATWG URL, form-urlencoded).
    package init?(percentEncoded text: some Collection<UInt8>, plusIsSpace: Bool = false) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var rest = text.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = rest.next(), let low = rest.next(), let value = UInt64(hexDigits: [high, low]) else {
                    return nil
                }
                bytes.append(UInt8(truncatingIfNeeded: value))
            default: bytes.append(byte)
            }
        }
        self.init(validating: bytes, as: UTF8.self)
    }
}
