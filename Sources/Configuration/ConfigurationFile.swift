import Glibc

/// The configuration file on the disk.
package enum ConfigurationFile {
    /// Reads a whole file of at most `limit` bytes; more than that is cut after one byte too many, so that the parser
    /// names the limit. The error's message names the file and the system's reason.
    package static func read(_ path: String, limit: Int = YAMLLimits.defaults.bytes) throws(Mistake) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while content.count <= limit {
            // Safe: the kernel writes at most `count` bytes into the array's own memory, which outlives the call.
            let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure(path)
            }
            content += chunk[..<count]
        }
        return content.count > limit ? Array(content[...limit]) : content
    }

    private static func failure(_ path: String) -> Mistake {
        // Safe: strerror's text is copied at once.
        let reason = String(cString: strerror(errno))
        return Mistake("cannot read the configuration file \(path): \(reason)")
    }
}
