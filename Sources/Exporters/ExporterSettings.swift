package import OTLP
package import Transport

/// One OTLP backend. Times are nanoseconds.
package struct ExporterSettings: Sendable {
    /// The name in the configuration, which is the metrics' label `exporter` (`otlp_http/backend`).
    package var name: String
    /// `.grpc`, or HTTP with protobuf bodies.
    package var wireProtocol: WireProtocol
    /// HTTP: `v1/traces` and so on are put behind it, before its query if it has one. Not used by gRPC.
    package var basePath: String
    /// HTTP: the path of one signal as it is (`traces_endpoint`); nil for the usual one.
    package var paths = PerSignal<String?>(repeating: nil)
    /// Sent with each request; gRPC calls them metadata. Names are made lower case.
    package var headers: [HeaderField] = []
    package var compression = ContentCoding.gzip
    /// Of one attempt (`timeout`); 0 for none.
    package var timeout: UInt64 = 10_000_000_000
    /// Bytes of an answer, as sent and inflated (OTLP C-2: 4 MiB).
    package var responseLimit = 4 << 20
    /// What this backend is given; others are answered with `disabled`.
    package var signals: Set<Signal> = Set(Signal.allCases)
    /// Of the product, for `user-agent`.
    package var version: String
    package var queue = ExportQueueSettings.defaults

    package init(name: String, wireProtocol: WireProtocol, basePath: String, version: String) {
        self.name = name
        self.wireProtocol = wireProtocol
        self.basePath = basePath
        self.version = version
    }
}
