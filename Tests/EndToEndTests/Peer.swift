import FoundationEssentials
import Glibc

/// Python programs of the directory Peers, in the environment that `make test` sets up.
enum Peer {
    static func path(of name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Peers/\(name)").path
    }

    private static let python = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../.build/peers/bin/python").standardized.path

    /// What a program says line by line: names, each with `held` or `failed` and why. Empty texts stand for `held`.
    static func outcomes(_ name: String, _ arguments: [String], output: String) throws -> [String: String] {
        _ = try run(name, arguments, output: output)
        var outcomes: [String: String] = [:]
        for line in try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n") {
            let parts = line.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { throw TestFailure("\(name): \(line)") }
            outcomes[String(parts[0])] = parts[1] == "held" ? "" : String(parts[2])
        }
        return outcomes
    }

    /// The lines of a program that follow a line with only this on it.
    static func lines(of name: String, after mark: String) -> [String] {
        let script = ((try? String(contentsOfFile: path(of: name), encoding: .utf8)) ?? "").split(separator: "\n")
        return zip(script, script.dropFirst()).filter { $0.0 == mark }.map { String($0.1) }
    }

    /// Runs one to its end; returns its exit status.
    static func run(_ name: String, _ arguments: [String], output: String) throws -> Int32 {
        let process = try spawn(python, [path(of: name)] + arguments, output: output)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        return status >> 8 & 0xFF
    }
}
