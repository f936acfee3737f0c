/// The environment variables that the program was started with.
enum ProcessEnvironment {
    /// Of variables that are there twice the first, as `getenv` has it.
    static func variables() throws(CommandFailure) -> [String: String] {
        let entries = try Recording.bytes(of: "/proc/self/environ").split(separator: 0)
        let pairs = entries.compactMap { entry -> (String, String)? in
            guard let equals = entry.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            return (String(decoding: entry[..<equals], as: UTF8.self), String(decoding: entry[(equals + 1)...], as: UTF8.self))
        }
        return Dictionary(pairs) { first, _ in first }
    }
}
