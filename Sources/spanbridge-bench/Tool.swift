import Glibc

/// A program of the system that does a part of the measuring.
struct Tool {
    private let words: [String]
    private let environment: [String]

    /// - Parameters:
    ///   - words: its name, looked for in `PATH`, and its arguments.
    ///   - environment: variables beside those of this process, `NAME=value`.
    init(_ words: [String], environment: [String] = []) {
        self.words = words
        self.environment = environment
    }

    /// Runs it to its end and returns what it wrote. Throws if it is not there or fails.
    @discardableResult
    func run(in scratch: ScratchDirectory) throws -> String {
        let output = "\(scratch.path)/tool-output"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        let arguments = words.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var inherited: [UnsafeMutablePointer<CChar>?] = []
        // Safe: the environment is a list of C strings that ends with nil, and nobody changes it meanwhile.
        var next = environ
        while let variable = next.pointee {
            inherited.append(variable)
            next += 1
        }
        let added = environment.map { strdup($0) }
        defer { added.forEach { free($0) } }
        var process: pid_t = 0
        let code = posix_spawnp(&process, words[0], &actions, nil, arguments, inherited + added + [nil])
        guard code == 0 else {
            throw BenchError("\(words[0]) cannot be started: \(String(cString: strerror(code))). Is it installed?")
        }
        var status: Int32 = 0
        waitpid(process, &status, 0)
        let said = scratch.text(of: "tool-output")
        guard status == 0 else { throw BenchError("\(words.joined(separator: " ")) failed:\n\(said)") }
        return said
    }
}
