import Glibc
import Wire

/// Collects the lines of a message head, or of a trailer section, up to and with the empty line.
struct HTTP1Head {
    /// Everything collected, line ends included.
    private(set) var bytes: [UInt8] = []
    /// Where the start line ends and the fields begin; 0 for a trailer section.
    private(set) var startLineEnd = 0
    private var hasStartLine: Bool
    private var lineStart = 0
    private var skippedEmptyLine = false

    init(startLine: Bool) {
        hasStartLine = !startLine
    }

    var isEmpty: Bool { bytes.isEmpty && !skippedEmptyLine }

    /// Takes bytes from the front of `input`. Returns whether the head is complete; the rest of `input` follows it.
    ///
    /// - Parameters:
    ///   - startLineLimit: bytes of the start line; more is a 414.
    ///   - fieldLimit: bytes of all the fields' lines; more is a 431.
    mutating func take(
        _ input: inout UnsafeRawBufferPointer, startLineLimit: Int, fieldLimit: Int
    ) throws(HTTP1Fault) -> Bool {
        while let base = input.baseAddress, !input.isEmpty {
            // Safe: memchr reads `input.count` bytes from its own base.
            let found = memchr(base, 10, input.count)
            let length = found.map { UnsafeRawPointer($0) - base + 1 } ?? input.count
            WireWriter.copy(UnsafeRawBufferPointer(start: base, count: length), to: &bytes)
            input = UnsafeRawBufferPointer(rebasing: input.dropFirst(length))
            guard hasStartLine || bytes.count <= startLineLimit else {
                throw HTTP1Fault(414, "the request line has more than \(startLineLimit) bytes")
            }
            guard !hasStartLine || bytes.count - startLineEnd <= fieldLimit + 2 else {
                throw HTTP1Fault(431, "the header fields have more than \(fieldLimit) bytes")
            }
            guard found != nil else { return false }
            let lineLength = bytes.count - lineStart
            guard lineLength >= 2, bytes[bytes.count - 2] == 13 else {
                throw HTTP1Fault(400, "a line of the head ends without a carriage return")
            }
            lineStart = bytes.count
            if lineLength == 2 {
                if hasStartLine { return true }
                // RFC 9112, 2.2: an empty line before the request line is ignored; one is enough.
                guard !skippedEmptyLine else { throw HTTP1Fault(400, "empty lines instead of a request") }
                skippedEmptyLine = true
                bytes.removeAll(keepingCapacity: true)
                lineStart = 0
            } else if !hasStartLine {
                hasStartLine = true
                startLineEnd = bytes.count
            }
        }
        return false
    }

    /// Forgets everything, for the next head.
    mutating func reset() {
        bytes.removeAll(keepingCapacity: true)
        startLineEnd = 0
        lineStart = 0
        hasStartLine = false
        skippedEmptyLine = false
    }
}
