/// Takes the chunked coding off a body (RFC 9112, 7.1).
struct ChunkedDecoder {
    enum Event {
        /// All of the input was taken.
        case needsInput
        /// Bytes of the body, valid as long as the input is.
        case data(UnsafeRawBufferPointer)
        /// The last chunk and the trailers were read.
        case end
    }

    private enum State {
        case size(UInt64, digits: Int)
        case chunkExtension(UInt64)
        case sizeEnd(UInt64)
        case data(UInt64)
        case dataEnd
        case dataEndLF
        case trailers
        case end
    }

    /// Bytes of one chunk-size line, extensions included.
    private static let lineLimit = 256

    private var state = State.size(0, digits: 0)
    private var lineBytes = 0
    private var trailerLines = HTTP1Head(startLine: false)
    private let byteLimit: Int
    private let countLimit: Int
    /// Known when `end` was returned.
    private(set) var trailers: [HeaderField] = []

    /// The limits are those of the trailer section.
    init(byteLimit: Int, countLimit: Int) {
        self.byteLimit = byteLimit
        self.countLimit = countLimit
    }

    /// Takes bytes from the front of `input`.
    mutating func next(_ input: inout UnsafeRawBufferPointer) throws(HTTP1Fault) -> Event {
        while true {
            switch state {
            case .trailers:
                guard
                    try trailerLines.take(&input, startLineLimit: 0, fieldLimit: byteLimit)
                else { return .needsInput }
                trailers =
                    try HTTP1Fields(trailerLines.bytes, from: 0, byteLimit: byteLimit, countLimit: countLimit).fields
                state = .end
                return .end
            case .end:
                return .end
            case .data(let remaining):
                guard !input.isEmpty else { return .needsInput }
                let length = Int(min(remaining, UInt64(input.count)))
                let data = UnsafeRawBufferPointer(rebasing: input.prefix(length))
                input = UnsafeRawBufferPointer(rebasing: input.dropFirst(length))
                state = remaining == UInt64(length) ? .dataEnd : .data(remaining - UInt64(length))
                return .data(data)
            case .size, .chunkExtension, .sizeEnd, .dataEnd, .dataEndLF:
                guard let byte = input.first else { return .needsInput }
                input = UnsafeRawBufferPointer(rebasing: input.dropFirst())
                state = try after(byte)
            }
        }
    }

    /// The state after one byte outside of data and trailers.
    private mutating func after(_ byte: UInt8) throws(HTTP1Fault) -> State {
        lineBytes += 1
        guard lineBytes <= Self.lineLimit else { throw HTTP1Fault(400, "a chunk-size line is too long") }
        switch (state, byte) {
        case (.size(let size, let digits), _):
            if let digit = byte.hexadecimalDigit {
                guard size >> 56 == 0 else { throw HTTP1Fault(413, "a chunk is larger than any body may be") }
                return .size(size << 4 | UInt64(digit), digits: digits + 1)
            }
            guard digits > 0 else { break }
            if byte == 13 { return .sizeEnd(size) }
            if byte == UInt8(ascii: ";") || byte.isBlank { return .chunkExtension(size) }
        case (.chunkExtension(let size), 13):
            return .sizeEnd(size)
        case (.chunkExtension(let size), _) where byte.isFieldByte:
            return .chunkExtension(size)
        case (.sizeEnd(let size), 10):
            lineBytes = 0
            return size == 0 ? .trailers : .data(size)
        case (.dataEnd, 13):
            return .dataEndLF
        case (.dataEndLF, 10):
            lineBytes = 0
            return .size(0, digits: 0)
        default:
            break
        }
        throw HTTP1Fault(400, "the chunked body is malformed")
    }
}

extension UInt8 {
    var hexadecimalDigit: UInt8? {
        switch self {
        case 48...57: self - 48
        case 65...70: self - 55
        case 97...102: self - 87
        default: nil
        }
    }
}
