import OTLP
package import Transport

/// Makes the requests of one exporter.
package struct ExportRequests {
    private let isGRPC: Bool
    private let compression: ContentCoding
    private let timeout: UInt64
    private let headers: [HeaderField]
    private let targets: PerSignal<String>

    package init(_ settings: ExporterSettings) {
        isGRPC = settings.wireProtocol == .grpc
        compression = settings.compression
        // The transport adds the timeout to a clock; a day stands for no limit.
        let day: UInt64 = 86_400_000_000_000
        timeout = settings.timeout == 0 ? day : min(settings.timeout, day)

        var headers = [HeaderField("user-agent", "OTel-OTLP-Exporter-spanbridge/\(settings.version)")]
        if isGRPC {
            headers.append(HeaderField("grpc-timeout", Self.grpcTimeout(timeout)))
        } else {
            headers.append(HeaderField("content-type", "application/x-protobuf"))
        }
        if compression != .identity {
            headers.append(HeaderField(isGRPC ? "grpc-encoding" : "content-encoding", compression.name))
        }
        let own = Set(headers.map(\.name))
        for field in settings.headers {
            let name = field.name.lowercased()
            // The user's own agent takes the place of ours; what describes the body can't be changed.
            if name == "user-agent" { headers[0].value = field.value }
            if !own.contains(name) { headers.append(HeaderField(name, field.value)) }
        }
        self.headers = headers

        targets = PerSignal(
            traces: Self.target(.traces, settings), metrics: Self.target(.metrics, settings),
            logs: Self.target(.logs, settings))
    }

    /// Compresses the batch and addresses it.
    package func request(for dispatch: Dispatch) -> ClientRequest {
        ClientRequest(
            target: targets[dispatch.signal], headers: headers,
            body: Compression.compress(dispatch.payload, coding: compression),
            grpcCompressed: isGRPC && compression != .identity, timeout: timeout)
    }

    private static func target(_ signal: Signal, _ settings: ExporterSettings) -> String {
        if settings.wireProtocol == .grpc {
            return switch signal {
            case .traces: "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
            case .metrics: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
            case .logs: "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
            }
        }
        // A signal's own URL is used as it is; only an empty path becomes "/".
        if let own = settings.paths[signal] { return own.hasPrefix("/") ? own : "/" + own }
        // A query stays behind the path.
        let query = settings.basePath.drop { $0 != "?" }
        var base = settings.basePath.prefix { $0 != "?" }
        while base.hasSuffix("/") { base.removeLast() }
        if !base.isEmpty, !base.hasPrefix("/") { base = "/" + base }
        return "\(base)\(signal.exportPath)\(query)"
    }

    /// At most eight digits and a unit (gRPC over HTTP/2, "Timeout").
    static func grpcTimeout(_ nanoseconds: UInt64) -> String {
        let milliseconds = max(1, nanoseconds / 1_000_000)
        return milliseconds <= 99_999_999 ? "\(milliseconds)m" : "\(min(milliseconds / 1_000, 99_999_999))S"
    }
}
