extension Configuration {
    /// Everything about what comes in.
    package struct Receivers: SettingsSection, Hashable {
        package var otlp = OTLP()
        package var limits = Limits()

        mutating func read(_ section: Section) {
            section.section("otlp", &otlp)
            section.section("limits", &limits)
        }
    }

    /// The OTLP receiver.
    package struct OTLP: SettingsSection, Hashable {
        package var protocols = Protocols()
        /// Who may send. Default nil: everybody who reaches a listener.
        package var auth: Authentication?
        /// The largest request that is taken, before and after inflation. Default 64 MiB, the collector's and SDKs' own
        /// limit. Lower refuses big batches, which senders then drop; higher lets one request take more of `memory.limit`.
        package var maxRequestSize: ByteCount = 64 << 20
        /// How long a request is remembered so that a sender's retry is acknowledged without being stored twice. Default
        /// 10 m; 0 turns it off. Lower lets late retries through; higher costs memory for each request's hash.
        package var deduplicate: Nanoseconds = 600 * second

        mutating func read(_ section: Section) {
            section.section("protocols", &protocols)
            section.authentication(&auth)
            section.size("max_request_size", &maxRequestSize, in: 1 << 10...1 << 30)
            section.duration("deduplicate", &deduplicate, in: second...7 * day, zeroMeans: "off")
        }
    }

    /// The listeners for OTLP. Both speak gRPC, HTTP/1.1 and HTTP/2; the names are the collector's. nil: not opened.
    package struct Protocols: SettingsSection, Hashable {
        /// Default 127.0.0.1:4317.
        package var grpc: ListenEndpoint? = ListenEndpoint(host: "127.0.0.1", port: 4317)
        /// Default 127.0.0.1:4318.
        package var http: ListenEndpoint? = ListenEndpoint(host: "127.0.0.1", port: 4318)
        /// nil: plain text.
        package var grpcTLS: ListenerTLS?
        package var httpTLS: ListenerTLS?
        package var cors = CORS()

        mutating func read(_ section: Section) {
            // As in the collector: a file that names one protocol opens that one only.
            let fileNamesSome = section.names.contains { if case .file = $0.origin { true } else { false } }
            read(section, "grpc", &grpc, &grpcTLS, isOpenUnnamed: !fileNamesSome) { _ in }
            read(section, "http", &http, &httpTLS, isOpenUnnamed: !fileNamesSome) { $0.section("cors", &cors) }
        }

        private func read(
            _ section: Section, _ name: String, _ endpoint: inout ListenEndpoint?, _ tls: inout ListenerTLS?,
            isOpenUnnamed: Bool, _ more: (Section) -> Void
        ) {
            guard var bound = endpoint else { return }
            let isNamed = section.names.contains { $0.name == name }
            let child = section.child(name)
            child.listener("endpoint", &bound)
            child.optionalSection("tls", &tls, from: ListenerTLS())
            more(child)
            child.finish()
            endpoint = isNamed || child.isTouched || isOpenUnnamed ? bound : nil
        }
    }

    /// Which pages may send from a browser; the names are the collector's.
    package struct CORS: SettingsSection, Hashable {
        /// Origins such as `https://shop.example.org`; one `*` in each stands for anything. Default none.
        package var allowedOrigins: [String] = []
        /// Header fields that such pages may send beside `content-type` and `content-encoding`. Default none.
        package var allowedHeaders: [String] = []
        /// How long a browser may remember what is allowed. Default 0: as long as it likes.
        package var maxAge: Nanoseconds = 0

        mutating func read(_ section: Section) {
            section.list("allowed_origins", &allowedOrigins)
            section.list("allowed_headers", &allowedHeaders)
            section.duration("max_age", &maxAge, in: second...7 * day, zeroMeans: "the browser's choice")
        }
    }

    /// What one sender may take. These hold for every listener, the API's too.
    package struct Limits: SettingsSection, Hashable {
        /// Open connections over all listeners. Default 1024. Lower refuses senders; higher needs more file descriptors.
        package var connections = 1024
        /// Bytes of one request's header fields, names and values with 32 for each field. Default 16 KiB. Lower refuses
        /// requests with long tokens; higher lets a stranger take more memory.
        package var headerSize: ByteCount = 16 << 10
        /// Header fields of one request. Default 100.
        package var headerCount = 100
        /// Requests in progress on one HTTP/2 connection. Default 128. Lower slows a busy gRPC sender; higher lets one
        /// connection take more memory.
        package var concurrentStreams = 128
        /// How long the head of a request may take. Default 10 s. Lower cuts off slow links; higher feeds slowloris.
        package var headTimeout: Nanoseconds = 10 * second
        /// How long a body may take, or may take to bring `bodyRate` times as many bytes. Default 30 s.
        package var bodyTimeout: Nanoseconds = 30 * second
        /// Bytes a second. Default 240. Lower lets slow peers keep their place longer; 0 lets a body go on for ever, as long
        /// as it does not pause for `bodyTimeout`; higher cuts off slow links.
        package var bodyRate: ByteCount = 240
        /// How long a connection without requests stays open. Default 5 m. Lower makes senders connect more often.
        package var idleTimeout: Nanoseconds = 300 * second

        mutating func read(_ section: Section) {
            section.count("connections", &connections, in: 1...1_000_000)
            section.size("header_size", &headerSize, in: 1 << 10...1 << 20)
            section.count("header_count", &headerCount, in: 10...10_000)
            section.count("concurrent_streams", &concurrentStreams, in: 1...10_000)
            section.duration("head_timeout", &headTimeout, in: 100 * millisecond...hour)
            section.duration("body_timeout", &bodyTimeout, in: 100 * millisecond...hour)
            section.size("body_rate", &bodyRate, in: 0...1 << 20)
            section.duration("idle_timeout", &idleTimeout, in: second...day)
        }
    }

    /// The budget for what is in flight.
    package struct Memory: SettingsSection, Hashable {
        /// How many bytes of received telemetry may be in memory; beyond it senders are asked to wait
        /// (RESOURCE_EXHAUSTED, 429). Default 512 MiB. Lower makes senders wait sooner; higher risks the system's
        /// out-of-memory killer. The process needs about 100 MiB beside it.
        package var limit: ByteCount = 512 << 20

        mutating func read(_ section: Section) {
            section.size("limit", &limit, in: 8 << 20...1 << 40)
        }
    }
}

let millisecond: Nanoseconds = 1_000_000
let second: Nanoseconds = 1_000_000_000
let hour: Nanoseconds = 3_600 * second
let day: Nanoseconds = 24 * hour
