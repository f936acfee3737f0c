import FoundationEssentials
import Glibc
import OTLP
import Transport

/// The real binary in a process of its own, with a directory of its own.
final class BridgeProcess {
    let directory: URL
    /// The ports that the system gave it; others after another start.
    private(set) var grpcPort = 0
    private(set) var httpPort = 0
    private(set) var apiPort = 0
    private let configuration: String
    private var process: pid_t = 0
    private let client: TestClient

    /// - Parameters:
    ///   - hold: `correlation.hold`.
    ///   - quiet: `correlation.execution_span.quiet`.
    ///   - exporters: more lines under `exporters`.
    ///   - extra: more lines of the configuration file.
    ///   - correlation: more keys of `correlation`, each after a comma.
    ///   - limits: keys of `receivers.limits`.
    ///   - http: more keys of `receivers.otlp.protocols.http`, each after a comma.
    ///   - otlp: more keys of `receivers.otlp`, each after a comma.
    ///   - api: the same of `api`.
    convenience init(
        sinkPort: Int, hold: String = "2s", quiet: String = "500ms", exporters: String = "", extra: String = "",
        correlation: String = "", limits: String = "", http: String = "", otlp: String = "", api: String = ""
    ) throws {
        try self.init(
            template: """
                receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}, http: {endpoint: "127.0.0.1:0"\(http)}}\(otlp)}, limits: {\(limits)}}
                exporters:
                  otlp_http/backend: {endpoint: "http://127.0.0.1:\(sinkPort)", compression: gzip, retry_on_failure: {initial_interval: 100ms, max_interval: 500ms}}
                \(exporters)
                journal: {directory: "{dir}/journal"}
                correlation: {hold: \(hold), late: amend, execution_span: {mode: all, quiet: \(quiet)}\(correlation)}
                api: {endpoint: "127.0.0.1:0"\(api)}
                \(extra)
                """)
    }

    /// Takes a configuration as judges fill it in: `{{` and `}}` stand for braces; `{grpc}`, `{http}` and `{api}` are
    /// ports, `{sink}` is the backend's, `{hold}` a number of seconds, `{dir}` a directory.
    convenience init(sinkPort: Int, template: String, hold: Int) throws {
        let filled = [("{grpc}", "0"), ("{http}", "0"), ("{api}", "0"), ("{sink}", "\(sinkPort)"), ("{hold}", "\(hold)")]
        let text = filled.reduce(template) { $0.replacing($1.0, with: $1.1) }
        try self.init(template: text.replacing("{{", with: "{").replacing("}}", with: "}"))
    }

    private init(template: String) throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "spanbridge-test-\(UUID().uuidString)")
        configuration = template.replacing("{dir}", with: directory.path)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        client = try TestClient()
        try start()
    }

    deinit {
        if process > 0 {
            Glibc.kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }
        client.stop()
        try? FileManager.default.removeItem(at: directory)
    }

    var log: String {
        (try? String(contentsOf: directory.appending(path: "bridge.log"), encoding: .utf8)) ?? ""
    }

    func start() throws {
        let file = directory.appending(path: "config.yaml")
        try configuration.write(to: file, atomically: true, encoding: .utf8)
        let before = log.utf8.count
        process = try spawn(
            Self.binary, ["serve", "--config", file.path], output: directory.appending(path: "bridge.log").path)
        try waitUntil("the relay listens", seconds: 60) {
            let said = String(decoding: log.utf8.dropFirst(before), as: UTF8.self)
            guard let api = port("api", in: said) else { return false }
            (grpcPort, httpPort, apiPort) = (port("grpc", in: said) ?? 0, port("http", in: said) ?? 0, api)
            return true
        }
    }

    /// The port in a line such as `grpc 127.0.0.1:4317`, which the relay prints when it listens.
    private func port(_ listener: String, in text: String) -> Int? {
        let line = text.split(separator: "\n").first { $0.hasPrefix("\(listener) ") }
        return line?.split(separator: ":").last.flatMap { Int($0) }
    }

    /// SIGKILL: nothing can be finished or written.
    func killHard() {
        Glibc.kill(process, SIGKILL)
        waitpid(process, nil, 0)
        process = 0
        client.forgetConnections()
    }

    var processID: pid_t { process }

    /// SIGTERM, and waits for the end. Returns the exit status.
    @discardableResult
    func stop() -> Int32 {
        Glibc.kill(process, SIGTERM)
        return wait()
    }

    /// Waits for the end. Returns the exit status.
    func wait() -> Int32 {
        var status: Int32 = 0
        waitpid(process, &status, 0)
        process = 0
        client.forgetConnections()
        return status >> 8 & 0xFF
    }

    var residentBytes: Int {
        let text = (try? String(contentsOf: URL(filePath: "/proc/\(process)/status"), encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
        return (Int(line.filter(\.isNumber)) ?? 0) << 10
    }

    /// The text of `/metrics`.
    var metrics: String {
        get throws { String(decoding: try http("GET", "/metrics").body, as: UTF8.self) }
    }

    func send(_ item: Capture.Item) throws {
        let path = item.signal.exportPath
        switch item.transport {
        case "grpc":
            let status = try client.grpc(grpcPort, item.signal, item.body, gzip: item.isGzipped)
            guard status.code == 0 else { throw TestFailure("gRPC status \(status.code): \(status.message)") }
        default:
            let type = item.transport.contains("json") ? "application/json" : "application/x-protobuf"
            let answer = try client.http(httpPort, "POST", path, item.body, type: type)
            guard answer.status == 200 else { throw TestFailure("\(path) answered \(answer.status)") }
        }
    }

    @discardableResult
    func http(
        _ method: String, _ path: String, _ body: [UInt8] = [], type: String? = nil, headers: [HeaderField] = [],
        port: Int? = nil
    ) throws -> ClientResponse {
        try client.http(port ?? apiPort, method, path, body, type: type, headers: headers)
    }

    func grpc(
        _ signal: Signal, _ body: [UInt8], gzip: Bool = false, headers: [HeaderField] = [], port: Int? = nil
    ) throws -> GRPCStatus {
        try client.grpc(port ?? grpcPort, signal, body, gzip: gzip, headers: headers)
    }

    func json(_ path: String) throws -> JSONValue {
        try JSONValue.parse(http("GET", path).body)
    }

    /// The binary beside the test bundle.
    static let binary: String = {
        if let named = ProcessInfo.processInfo.environment["SPANBRIDGE_BINARY"] { return named }
        return URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "spanbridge").path
    }()
}

/// Starts a program with its output in a file; signals are as in a fresh process.
func spawn(_ program: String, _ arguments: [String], output: String, environment: [String: String] = [:]) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let words = ([program] + arguments).map { strdup($0) } + [nil]
    defer { words.forEach { free($0) } }
    var merged = ProcessInfo.processInfo.environment
    merged.merge(environment) { $1 }
    let variables = merged.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { variables.forEach { free($0) } }
    var process: pid_t = 0
    let code = posix_spawnp(&process, program, &actions, &attributes, words, variables)
    guard code == 0 else { throw TestFailure("cannot start \(program): \(String(cString: strerror(code)))") }
    return process
}

struct TestFailure: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

/// A port that was free a moment ago.
func freePort() throws -> Int {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(socket, $0, length) == 0 && getsockname(socket, $0, &length) == 0
        }
    }
    guard bound else { throw TestFailure("no free port") }
    return Int(UInt16(bigEndian: address.sin_port))
}

/// Waits for something that another process or thread brings about, looking every 20 ms.
func waitUntil(_ what: String, seconds: Double, _ isTrue: () throws -> Bool) throws {
    let end = EventLoop.now() + UInt64(seconds * 1e9)
    while try !isTrue() {
        guard EventLoop.now() < end else { throw TestFailure("after \(seconds) s it is still not so that \(what)") }
        usleep(20_000)
    }
}
