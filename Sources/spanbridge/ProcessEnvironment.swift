import Configuration
import Journal

/// The environment variables that the program was started with.
enum ProcessEnvironment {
    private static let path = "/proc/self/environ"

    /// Of variables that are there twice the first, as `getenv` has it.
    static func variables() throws(CommandFailure) -> [String: String] {
        let bytes: [UInt8]
        do {
            bytes = try FileOperations.system.contents(of: path)
        } catch {
            throw CommandFailure(code: .failure, message: "The environment cannot be read from \(path): \(error).")
        }
        let pairs = bytes.split(separator: 0).compactMap { entry -> (String, String)? in
            guard let equals = entry.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            return (String(decoding: entry[..<equals], as: UTF8.self), String(decoding: entry[(equals + 1)...], as: UTF8.self))
        }
        return Dictionary(pairs) { first, _ in first }
    }
}
