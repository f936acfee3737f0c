import FoundationEssentials
import Glibc

/// Python programs of the directory Peers, in the environment that `make test` sets up.
enum Peer {
    static func path(of name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Peers/\(name)").path
    }

    private static let python = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../.build/peers/bin/python").standardized.path

    /// Runs one to its end; returns its exit status.
    static func run(_ name: String, _ arguments: [String], output: String) throws -> Int32 {
        let process = try spawn(python, [path(of: name)] + arguments, output: output)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        return status >> 8 & 0xFF
    }
}
