import Glibc
import Transport

/// A relay to be measured, running and ready: where it takes OTLP and, if it is spanbridge, bindings.
struct Subject {
    var process: MeasuredProcess
    var grpcPort: Int
    var httpPort: Int
    /// Nil for a peer.
    var apiPort: Int?
}

/// How the relay is configured for a row of the table.
struct RelaySettings {
    var durability: String
    /// `none`, `gzip` or `zstd`.
    var compression: String
    var output = WireProtocol.http1
    /// `threads.event_loops`; 0 is one a core.
    var loops = 0
    /// The certificate for both listeners and for the sink, if TLS is spoken.
    var certificate: Certificate?
    /// `correlation.hold` and `correlation.execution_span.quiet`: short, so that a round ends soon.
    static let hold = "1s"

    func start(program: String, sinkPort: Int, in parent: String) throws -> Subject {
        let scratch = try ScratchDirectory(in: parent)
        let files = certificate.map { "cert_file: \"\($0.certificate)\", key_file: \"\($0.key)\"" }
        let listener = "{endpoint: \"127.0.0.1:0\"\(files.map { ", tls: {\($0)}" } ?? "")}"
        let trust = certificate.map { ", tls: {ca_file: \"\($0.certificate)\"}" } ?? ""
        let exporter = output == .grpc ? "otlp_grpc" : "otlp_http"
        try scratch.write(
            """
            receivers:
              otlp: {protocols: {grpc: \(listener), http: \(listener)}}
            exporters:
              \(exporter)/sink:
                {endpoint: "\(certificate == nil ? "http" : "https")://127.0.0.1:\(sinkPort)", compression: \(compression),
                signals: [traces]\(trust)}
            threads: {event_loops: \(loops)}
            journal: {directory: "\(scratch.path)/journal", durability: \(durability)}
            correlation: {hold: \(Self.hold), execution_span: {mode: all, quiet: \(Self.hold)}}
            api: {endpoint: "127.0.0.1:0"}
            log: {level: warning}

            """, to: "spanbridge.yaml")
        let process = try MeasuredProcess(
            program, ["serve", "--config", "\(scratch.path)/spanbridge.yaml"], scratch: scratch)
        // It prints `listener address` for each of the three, the ports having been chosen by the kernel.
        let ports = try process.wait(for: "listen") { () -> [String: Int]? in
            var found: [String: Int] = [:]
            for line in process.output.split(separator: "\n") {
                let words = line.split(separator: " ")
                guard words.count == 2, let port = words[1].split(separator: ":").last.flatMap({ Int($0) }) else { continue }
                found[String(words[0])] = port
            }
            return found.count == 3 ? found : nil
        }
        guard let grpc = ports["grpc"], let http = ports["http"], let api = ports["api"] else {
            throw BenchError("\(program) names other listeners than grpc, http and api:\n\(process.output)")
        }
        return Subject(process: process, grpcPort: grpc, httpPort: http, apiPort: api)
    }
}

/// Rotel (https://github.com/streamfold/rotel), the nearest peer, as its PyPI package brings it: no journal, no joining.
enum RotelPeer {
    static func start(program: String, compression: String, sinkPort: Int, in parent: String) throws -> Subject {
        let scratch = try ScratchDirectory(in: parent)
        let (grpc, http) = (try freePort(), try freePort())
        let process = try MeasuredProcess(
            program,
            [
                "start", "--otlp-grpc-endpoint", "127.0.0.1:\(grpc)", "--otlp-http-endpoint", "127.0.0.1:\(http)",
                "--exporter", "otlp", "--otlp-exporter-protocol", "http",
                "--otlp-exporter-endpoint", "http://127.0.0.1:\(sinkPort)",
                "--otlp-exporter-compression", compression,
                "--pid-file", "\(scratch.path)/rotel.pid", "--log-file", "\(scratch.path)/rotel.log",
            ], scratch: scratch)
        _ = try process.wait(for: "listen") { canConnect(grpc) && canConnect(http) ? true : nil }
        return Subject(process: process, grpcPort: grpc, httpPort: http, apiPort: nil)
    }

    /// A port that was free a moment ago: Rotel does not tell which one the kernel would have chosen.
    private static func freePort() throws -> Int {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // Safe: the address is a sockaddr_in, which is made to be seen as a sockaddr, and its length is told.
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 && getsockname(socket, $0, &length) == 0
            }
        }
        guard isBound else { throw BenchError("no port is free on 127.0.0.1") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    private static func canConnect(_ port: Int) -> Bool {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = loopback(port: port)
        // Safe: as above.
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func loopback(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
