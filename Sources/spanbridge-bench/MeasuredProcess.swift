import Glibc
import Transport

/// The process under measurement: started with its output in a file of its scratch directory, ended by its id.
final class MeasuredProcess {
    private let id: pid_t
    private let name: String
    private let scratch: ScratchDirectory
    private var isRunning = true

    /// - Parameters:
    ///   - program: its path.
    ///   - scratch: where its output goes; kept as long as this object.
    init(_ program: String, _ arguments: [String], scratch: ScratchDirectory) throws {
        self.scratch = scratch
        name = program
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "\(scratch.path)/output", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // Signals as in a fresh process: the loops of this one have blocked some and ignore SIGPIPE.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var broken = sigset_t()
        sigemptyset(&broken)
        sigaddset(&broken, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &broken)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        let words = ([program] + arguments).map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        var started: pid_t = 0
        let code = posix_spawn(&started, program, &actions, &attributes, words, environ)
        guard code == 0 else { throw BenchError("\(program) cannot be started: \(String(cString: strerror(code)))") }
        id = started
    }

    deinit { stop() }

    /// SIGTERM, and SIGKILL if that does not end it within 15 s.
    func stop() {
        guard isRunning else { return }
        isRunning = false
        kill(id, SIGTERM)
        var status: Int32 = 0
        for _ in 0..<1_500 {
            if waitpid(id, &status, WNOHANG) != 0 { return }
            usleep(10_000)
        }
        kill(id, SIGKILL)
        waitpid(id, &status, 0)
    }

    /// CPU time used so far, user and system, nanoseconds.
    func cpuTime() throws -> UInt64 {
        guard let time = CPUTime.of(process: id) else { throw died }
        return time
    }

    /// The most physical memory it has had (VmHWM), bytes.
    var peakMemory: Int { Self.peakMemory(of: "\(id)") }

    /// The same of any process by its id, or `self`.
    static func peakMemory(of process: String) -> Int { memory("VmHWM:", of: process) }

    /// The physical memory that it has now (VmRSS), bytes.
    var memory: Int { Self.memory("VmRSS:", of: "\(id)") }

    private static func memory(_ kind: String, of process: String) -> Int {
        let line = readText("/proc/\(process)/status").split(separator: "\n").first { $0.hasPrefix(kind) } ?? ""
        return (Int(line.filter(\.isNumber)) ?? 0) << 10
    }

    /// What it has written so far.
    var output: String { scratch.text(of: "output") }

    /// Waits until `body` gives a value, at most 30 s.
    func wait<Value>(for what: String, _ body: () throws -> Value?) throws -> Value {
        for _ in 0..<3_000 {
            if let value = try body() { return value }
            var status: Int32 = 0
            if waitpid(id, &status, WNOHANG) != 0 {
                isRunning = false
                throw died
            }
            usleep(10_000)
        }
        throw BenchError("\(name) does not \(what) after 30 s. It wrote:\n\(output)")
    }

    private var died: BenchError { BenchError("\(name) has ended. It wrote:\n\(output)") }
}
