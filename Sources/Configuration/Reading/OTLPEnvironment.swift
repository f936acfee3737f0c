/// An exporter from the variables of the OpenTelemetry specification (OTLP exporter 1.x, "Configuration options"), for
/// users who configure no exporter here. Its rules: an empty value is unset, a signal's variable beats the general one,
/// what cannot be read is warned about and ignored.
struct OTLPEnvironment {
    let reading: Reading

    /// What holds for one signal.
    private struct Route {
        var signal: Configuration.Exporter.Signal
        var exporter: Configuration.Exporter
    }

    /// The exporters, one for all signals that share their settings; none if no endpoint is named. The specification's
    /// default endpoint is not taken: on localhost:4318 listens this relay itself.
    func exporters() -> [Configuration.Exporter] {
        var merged: [Configuration.Exporter] = []
        for route in Configuration.Exporter.Signal.allCases.compactMap(route) {
            let same = merged.firstIndex { other in
                // Compared without what differs by nature: the signals, and for HTTP the signals' endpoints.
                var a = other
                var b = route.exporter
                b.signals = a.signals
                (a.tracesEndpoint, a.metricsEndpoint, a.logsEndpoint) = (nil, nil, nil)
                (b.tracesEndpoint, b.metricsEndpoint, b.logsEndpoint) = (nil, nil, nil)
                return a == b
            }
            guard let same else {
                merged.append(route.exporter)
                continue
            }
            merged[same].signals.insert(route.signal)
            merged[same].tracesEndpoint = merged[same].tracesEndpoint ?? route.exporter.tracesEndpoint
            merged[same].metricsEndpoint = merged[same].metricsEndpoint ?? route.exporter.metricsEndpoint
            merged[same].logsEndpoint = merged[same].logsEndpoint ?? route.exporter.logsEndpoint
        }
        return named(merged)
    }

    /// `otlp_http/environment`; where a second is needed, its signal is appended.
    private func named(_ exporters: [Configuration.Exporter]) -> [Configuration.Exporter] {
        var used: Set<String> = []
        return exporters.map { exporter in
            var exporter = exporter
            exporter.name = "\(exporter.kind.rawValue)/environment"
            if !used.insert(exporter.name).inserted {
                let signals = Configuration.Exporter.Signal.allCases.filter(exporter.signals.contains)
                exporter.name += "-" + signals.map(\.rawValue).joined(separator: "-")
                used.insert(exporter.name)
            }
            return exporter
        }
    }

    private func route(_ signal: Configuration.Exporter.Signal) -> Route? {
        guard isWanted(signal), let kind = kind(for: signal) else { return nil }
        guard let found = variable("ENDPOINT", signal) else { return nil }
        var exporter = Configuration.Exporter(name: "", kind: kind)
        exporter.signals = [signal]
        exporter.compression = compression(for: signal)
        exporter.timeout = timeout(for: signal, default: exporter.timeout)
        exporter.headers = headers(for: signal)
        exporter.tls = tls(for: signal)
        do throws(Mistake) {
            var endpoint = try RemoteEndpoint.parse(found.value)
            if kind == .grpc {
                if endpoint.path == "/" { endpoint.path = "" }
                guard endpoint.path.isEmpty else { throw Mistake("gRPC takes no path: remove \(endpoint.path)") }
                exporter.endpoint = endpoint
                // Without a scheme the specification asks for TLS unless INSECURE says otherwise.
                if endpoint.scheme == nil, exporter.tls == nil { exporter.tls = Configuration.TLS() }
            } else {
                guard endpoint.scheme != nil else {
                    throw Mistake("needs a scheme: write http://\(excerpt(found.value))")
                }
                if found.isOwn {
                    if endpoint.path.isEmpty { endpoint.path = "/" }
                    exporter.set(endpoint, for: signal)
                } else {
                    exporter.set(endpoint.appending(path: "v1/\(signal.rawValue)"), for: signal)
                }
            }
        } catch {
            reading.complain(at: .environment(found.name), path: "", error.message)
            return nil
        }
        return Route(signal: signal, exporter: exporter)
    }

    /// The value of `OTEL_EXPORTER_OTLP_<SIGNAL>_<SUFFIX>`, else of `OTEL_EXPORTER_OTLP_<SUFFIX>`.
    private func variable(
        _ suffix: String, _ signal: Configuration.Exporter.Signal
    ) -> (name: String, value: String, isOwn: Bool)? {
        for (infix, isOwn) in [("\(signal.rawValue.uppercased())_", true), ("", false)] {
            let name = "OTEL_EXPORTER_OTLP_\(infix)\(suffix)"
            if let value = reading.variable(name) { return (name, value, isOwn) }
        }
        return nil
    }

    /// A warning, given once even if the general variable holds for three signals.
    private func warn(_ name: String, _ message: String) {
        let origin = Origin.environment(name)
        guard !reading.diagnostics.contains(where: { $0.origin == origin && $0.message == message }) else { return }
        reading.complain(.warning, at: origin, path: "", message)
    }

    private func isWanted(_ signal: Configuration.Exporter.Signal) -> Bool {
        let name = "OTEL_\(signal.rawValue.uppercased())_EXPORTER"
        switch reading.variable(name)?.lowercased() {
        case nil, "otlp": return true
        case "none": return false
        case .some(let other):
            warn(name, "\"\(excerpt(other))\" is ignored: otlp and none are known here")
            return true
        }
    }

    private func kind(for signal: Configuration.Exporter.Signal) -> Configuration.Exporter.Kind? {
        guard let found = variable("PROTOCOL", signal) else { return .http }
        switch found.value.lowercased() {
        case "grpc": return .grpc
        case "http/protobuf": return .http
        case "http/json":
            warn(found.name, "http/json is sent as http/protobuf, which every OTLP/HTTP server takes too")
            return .http
        default:
            warn(found.name, "\"\(excerpt(found.value))\" is ignored: expected grpc, http/protobuf or http/json")
            return .http
        }
    }

    private func compression(for signal: Configuration.Exporter.Signal) -> Configuration.Exporter.Compression {
        guard let found = variable("COMPRESSION", signal) else { return .none }
        if let known = Configuration.Exporter.Compression(rawValue: found.value.lowercased()) { return known }
        warn(found.name, "\"\(excerpt(found.value))\" is ignored: expected gzip, zstd or none")
        return .none
    }

    private func timeout(for signal: Configuration.Exporter.Signal, default fallback: Nanoseconds) -> Nanoseconds {
        guard let found = variable("TIMEOUT", signal) else { return fallback }
        guard let milliseconds = UInt64(found.value), milliseconds <= 86_400_000 else {
            warn(
                found.name, "\"\(excerpt(found.value))\" is ignored: expected milliseconds up to a day, 0 for no limit")
            return fallback
        }
        return milliseconds * millisecond
    }

    /// `k1=v1,k2=v2`, values percent-encoded. Neither names nor values are shown: they hold tokens.
    private func headers(for signal: Configuration.Exporter.Signal) -> [Configuration.Exporter.Header] {
        guard let found = variable("HEADERS", signal) else { return [] }
        var headers: [Configuration.Exporter.Header] = []
        for (index, pair) in found.value.split(separator: ",").enumerated() {
            let name = trimmed(pair.prefix { $0 != "=" }).lowercased()
            let value = trimmed(pair.drop { $0 != "=" }.dropFirst())
            guard pair.contains("="), isHeaderName(name), let decoded = percentDecoded(value),
                decoded.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
            else {
                warn(found.name, "entry \(index + 1) is ignored: expected NAME=VALUE with a percent-encoded value")
                continue
            }
            headers.removeAll { $0.name == name }
            headers.append(Configuration.Exporter.Header(name: name, value: decoded))
        }
        return headers
    }

    private func tls(for signal: Configuration.Exporter.Signal) -> Configuration.TLS? {
        let insecure = variable("INSECURE", signal)
        var tls = Configuration.TLS()
        tls.caFile = variable("CERTIFICATE", signal)?.value
        tls.certFile = variable("CLIENT_CERTIFICATE", signal)?.value
        tls.keyFile = variable("CLIENT_KEY", signal)?.value
        if (tls.certFile == nil) != (tls.keyFile == nil) {
            let given = variable("CLIENT_CERTIFICATE", signal) ?? variable("CLIENT_KEY", signal)
            warn(given?.name ?? "", "is ignored: a client's certificate and its key go together")
            (tls.certFile, tls.keyFile) = (nil, nil)
        }
        if let insecure {
            switch insecure.value.lowercased() {
            case "true": tls.insecure = true
            case "false": break
            default: warn(insecure.name, "\"\(excerpt(insecure.value))\" counts as false: expected true or false")
            }
        }
        return tls == Configuration.TLS() ? nil : tls
    }
}

extension Configuration.Exporter {
    fileprivate mutating func set(_ endpoint: RemoteEndpoint, for signal: Signal) {
        switch signal {
        case .traces: tracesEndpoint = endpoint
        case .metrics: metricsEndpoint = endpoint
        case .logs: logsEndpoint = endpoint
        }
    }
}

extension Configuration {
    /// Takes the exporter of the `OTEL_EXPORTER_OTLP_*` variables if the user configured none.
    mutating func addExporterOfEnvironment(_ reading: Reading) {
        guard exporters.isEmpty, !reading.diagnostics.contains(where: { $0.path.hasPrefix("exporters") }) else {
            return
        }
        exporters = OTLPEnvironment(reading: reading).exporters().filter { exporter in
            // Such variables are often set for other programs of the same shell, whose telemetry comes in here.
            guard let own = ownListener(of: exporter) else { return true }
            reading.complain(
                .warning, at: .environment("OTEL_EXPORTER_OTLP_ENDPOINT"), path: "",
                "is ignored: it names this relay's own receiver (\(own.path) \(own.endpoint))")
            return false
        }
    }
}

private func trimmed(_ text: Substring) -> String {
    let isBlank = { (character: Character) in character == " " || character == "\t" }
    return String(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
}

/// The text with `%XX` decoded; nil if an escape is broken or the result is not UTF-8.
func percentDecoded(_ text: String) -> String? {
    var bytes: [UInt8] = []
    var input = text.utf8.makeIterator()
    while let byte = input.next() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        guard let high = input.next().flatMap(hexDigit), let low = input.next().flatMap(hexDigit) else { return nil }
        bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
}

private func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
}
