extension Configuration {
    /// One backend that gets what leaves.
    package struct Exporter: SettingsSection, Hashable {
        /// How requests travel.
        package enum Kind: String, Sendable {
            /// `otlp/NAME`: OTLP over gRPC.
            case grpc = "otlp"
            /// `otlp_http/NAME`: OTLP over HTTP/1.1 with protobuf bodies.
            case http = "otlp_http"
        }

        package enum Signal: String, Sendable, CaseIterable {
            case traces, metrics, logs
        }

        package enum Compression: String, Sendable, CaseIterable {
            case gzip, zstd, none
        }

        /// One header of every request.
        package struct Header: Sendable, Hashable {
            /// In lower case.
            package var name: String
            package var value: String

            package init(name: String, value: String) {
                self.name = name
                self.value = value
            }
        }

        /// `otlp/NAME` or `otlp_http/NAME`, without alias: the name in metrics, logs and the journal's export cursor.
        package var name: String
        package var kind: Kind
        /// gRPC: the server. HTTP: the base URL, to which `/v1/traces` and so on are appended. Required.
        package var endpoint: RemoteEndpoint?
        /// HTTP only: the whole URL for one signal, used as it is.
        package var tracesEndpoint: RemoteEndpoint?
        package var metricsEndpoint: RemoteEndpoint?
        package var logsEndpoint: RemoteEndpoint?
        /// Default none. Values are never logged.
        package var headers: [Header] = []
        /// Default `gzip`, as in the collector. `zstd` shrinks more and costs the backend less, if it takes it; `none`
        /// is for backends on the same machine.
        package var compression = Compression.gzip
        /// How long one request may take. Default 10 s; 0 for no limit. Lower repeats requests that a slow backend did
        /// take; higher finds a dead one later.
        package var timeout: Nanoseconds = 10 * second
        package var sendingQueue = SendingQueue()
        package var retryOnFailure = RetryOnFailure()
        package var batch = Batch()
        package var tls: TLS?
        /// The HTTP proxy that requests go through; nil takes the one of the environment.
        package var proxyURL: ProxyEndpoint?
        /// What is sent. Default traces, metrics and logs.
        package var signals = Set(Signal.allCases)

        package init(name: String, kind: Kind) {
            self.name = name
            self.kind = kind
        }

        /// Whether any requests are encrypted.
        package var usesTLS: Bool {
            [endpoint, tracesEndpoint, metricsEndpoint, logsEndpoint].contains { $0.map(usesTLS(to:)) ?? false }
        }

        /// Whether requests to one of the endpoints are encrypted: by the scheme, else by a `tls` section that does not
        /// say `insecure`.
        package func usesTLS(to endpoint: RemoteEndpoint) -> Bool {
            switch endpoint.scheme {
            case .https: true
            case .http: false
            case nil: tls.map { !$0.insecure } ?? false
            }
        }

        /// Where requests of one signal go: for HTTP with the whole path, for gRPC the server.
        package func endpoint(for signal: Signal) -> RemoteEndpoint? {
            let own =
                switch signal {
                case .traces: tracesEndpoint
                case .metrics: metricsEndpoint
                case .logs: logsEndpoint
                }
            return kind == .grpc ? endpoint : own ?? endpoint?.appending(path: "v1/\(signal.rawValue)")
        }

        mutating func read(_ section: Section) {
            section.remote("endpoint", &endpoint)
            if kind == .http {
                section.remote("traces_endpoint", &tracesEndpoint)
                section.remote("metrics_endpoint", &metricsEndpoint)
                section.remote("logs_endpoint", &logsEndpoint)
            }
            headers += section.headers()
            section.choice("compression", &compression)
            section.duration("timeout", &timeout, in: 10 * millisecond...hour, zeroMeans: "no limit")
            section.section("sending_queue", &sendingQueue)
            section.section("retry_on_failure", &retryOnFailure)
            section.section("batch", &batch)
            section.optionalSection("tls", &tls, from: TLS())
            section.proxy("proxy_url", &proxyURL)
            section.choices("signals", &signals)
            check(section)
        }

        private func check(_ section: Section) {
            let isGiven = { section.reading.origin(of: section.path(of: $0)) != .builtIn }
            let missing = signals.filter { endpoint(for: $0) == nil }
            if !missing.isEmpty, !isGiven("endpoint") {
                section.reading.complain(
                    at: section.origin, path: section.path(of: "endpoint"),
                    "is missing: write \(kind == .grpc ? "HOST:4317" : "a base URL such as http://HOST:4318")")
            }
            if kind == .grpc, let path = endpoint?.path, !path.isEmpty, path != "/" {
                section.complain("endpoint", "gRPC takes no path: remove \(path), or use otlp_http/NAME")
            }
            if let tls, !tls.insecure, !usesTLS, missing.isEmpty {
                section.warn("tls", "has no effect: the endpoint begins with http://, so requests go in plain text")
            }
        }
    }

    /// What waits for the backend.
    package struct SendingQueue: SettingsSection, Hashable {
        /// Bytes that may wait in memory. Default 64 MiB. What exceeds it stays in the journal and is read back, so
        /// nothing is lost while `journal.retention` lasts. Lower reads the journal more often.
        package var size: ByteCount = 64 << 20
        /// Requests in flight at once. Default 4. Lower is slower over long distances; higher loads the backend more.
        package var consumers = 4

        package init(size: ByteCount = 64 << 20) { self.size = size }

        mutating func read(_ section: Section) {
            section.size("size", &size, in: 1 << 20...16 << 30)
            section.count("num_consumers", &consumers, in: 1...256)
        }
    }

    /// What happens after a failure that may pass.
    package struct RetryOnFailure: SettingsSection, Hashable {
        /// Default true. false drops a batch after its first failure.
        package var enabled = true
        /// The first pause. Default 1 s.
        package var initialInterval: Nanoseconds = second
        /// The longest pause. Default 30 s.
        package var maxInterval: Nanoseconds = 30 * second
        /// By which factor pauses grow. Default 1.5.
        package var multiplier = 1.5
        /// By which part a pause is drawn longer or shorter, so that relays do not march in step. Default 0.5.
        package var randomizationFactor = 0.5
        /// After how long a batch is given up, counted in `spanbridge_dropped`. Default 0: never, the journal keeps it.
        package var maxElapsedTime: Nanoseconds = 0

        mutating func read(_ section: Section) {
            section.flag("enabled", &enabled)
            section.duration("initial_interval", &initialInterval, in: 10 * millisecond...hour)
            section.duration("max_interval", &maxInterval, in: 10 * millisecond...day)
            section.number("multiplier", &multiplier, in: 1...100)
            section.number("randomization_factor", &randomizationFactor, in: 0...1)
            section.duration("max_elapsed_time", &maxElapsedTime, in: second...365 * day, zeroMeans: "never")
            if initialInterval > maxInterval {
                section.complain("initial_interval", "is longer than max_interval (\(describe(duration: maxInterval)))")
            }
        }
    }

    /// How much goes into one request.
    package struct Batch: SettingsSection, Hashable {
        /// Bytes of protobuf in one request before compression. Default 2 MiB, well under the 4 MiB that gRPC servers
        /// take by default. A received request that is larger by itself is sent as it is.
        package var maxSize: ByteCount = 2 << 20
        /// How long a request waits to be filled. Default 200 ms. Lower sends more and smaller requests.
        package var timeout: Nanoseconds = 200 * millisecond

        mutating func read(_ section: Section) {
            section.size("max_size", &maxSize, in: 1 << 10...64 << 20)
            section.duration("timeout", &timeout, in: 0...60 * second)
        }
    }

    /// TLS towards a backend, in the collector's words.
    package struct TLS: SettingsSection, Hashable {
        /// No encryption. Default false, if a `tls` section is given at all.
        package var insecure = false
        /// Do not check the server's certificate. Default false.
        package var insecureSkipVerify = false
        /// PEM files: the authorities to trust, the client's certificate and its key.
        package var caFile: String?
        package var certFile: String?
        package var keyFile: String?
        /// The name that the server's certificate must have, if it is not the endpoint's host.
        package var serverNameOverride: String?

        package init() {}

        mutating func read(_ section: Section) {
            section.flag("insecure", &insecure)
            section.flag("insecure_skip_verify", &insecureSkipVerify)
            section.text("ca_file", &caFile)
            section.text("cert_file", &certFile)
            section.text("key_file", &keyFile)
            section.text("server_name_override", &serverNameOverride)
            if (certFile == nil) != (keyFile == nil) {
                section.complain(
                    certFile == nil ? "key_file" : "cert_file", "cert_file and key_file go together: give both")
            }
        }
    }
}

extension Section {
    /// The key `headers`: header fields of every request, in the order written.
    func headers() -> [Configuration.Exporter.Header] {
        pairs("headers", kind: "a mapping of header names to values").compactMap { name, value, origin in
            let name = name.lowercased()
            let path = "\(self.path(of: "headers")).\(name)"
            let managed = [
                "content-type", "content-length", "content-encoding", "host", "te", "transfer-encoding",
                "connection",
            ]
            if !isHeaderName(name) {
                reading.complain(at: origin, path: path, "is no header name: use letters, digits and -")
            } else if managed.contains(name) || name.hasPrefix("grpc-") {
                reading.complain(at: origin, path: path, "is set by the exporter itself; remove it")
            } else {
                return Configuration.Exporter.Header(name: name, value: value)
            }
            return nil
        }
    }
}

/// Whether a name is a token of RFC 9110, section 5.6.2, in lower case.
func isHeaderName(_ name: String) -> Bool {
    !name.isEmpty
        && name.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
}
