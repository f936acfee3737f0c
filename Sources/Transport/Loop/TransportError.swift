import CUV
import Glibc

/// A socket, an address or an event loop could not be set up. The message is for the person who runs the program.
package struct TransportError: Error, Sendable, Hashable, CustomStringConvertible {
    package var message: String

    package init(_ message: String) {
        self.message = message
    }

    package var description: String { message }

    /// `what` and libuv's (negative errno) code in words.
    init(_ what: String, uv code: Int32) {
        self.init("\(what): \(Self.text(uv: code))")
    }

    /// `what` and an errno in words.
    init(_ what: String, errno code: Int32) {
        self.init("\(what): \(Self.text(uv: -code))")
    }

    /// libuv's words for one of its codes.
    static func text(uv code: Int32) -> String {
        // Safe: uv_strerror_r writes at most the given size and ends with a zero byte.
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            guard let base = buffer.baseAddress else { return "error \(code)" }
            return String(cString: uv_strerror_r(code, base, buffer.count))
        }
    }
}
