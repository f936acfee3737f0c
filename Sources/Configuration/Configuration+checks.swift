extension Configuration {
    /// What only shows when settings are seen together.
    func checkTogether(_ reading: Reading) {
        checkListeners(reading)
        checkSizes(reading)
        checkLoops(reading)
        checkForwarding(reading)
        if exporters.isEmpty, !reading.diagnostics.contains(where: { $0.path.hasPrefix("exporters") }) {
            reading.complain(
                .warning, at: .builtIn, path: "exporters",
                "none is configured: telemetry is stored and shown, but not sent on. Add exporters: {otlp_http/NAME: "
                    + "{endpoint: \"http://HOST:4318\"}} or set OTEL_EXPORTER_OTLP_ENDPOINT")
        }
    }

    /// The listeners that are opened, with their settings' paths.
    private var listeners: [(path: String, endpoint: ListenEndpoint)] {
        [
            ("receivers.otlp.protocols.grpc.endpoint", receivers.otlp.protocols.grpc),
            ("receivers.otlp.protocols.http.endpoint", receivers.otlp.protocols.http), ("api.endpoint", api.endpoint),
        ].compactMap { path, endpoint in endpoint.map { (path, $0) } }
    }

    private func checkListeners(_ reading: Reading) {
        let all = listeners
        for (index, listener) in all.enumerated() {
            guard let other = all[..<index].first(where: { $0.endpoint.conflicts(with: listener.endpoint) }) else {
                continue
            }
            // Told where the user wrote it, not where a default stands.
            let isOwn = reading.origin(of: listener.path) != .builtIn
            let (here, there) = isOwn ? (listener, other) : (other, listener)
            reading.complain(
                at: reading.origin(of: here.path), path: here.path,
                "\(here.endpoint) is taken by \(there.path) (\(there.endpoint)): give one of them another port")
        }
    }

    private func checkSizes(_ reading: Reading) {
        let request = receivers.otlp.maxRequestSize
        func check(_ path: String, _ size: ByteCount, atLeast least: ByteCount, _ why: String) {
            guard size < least else { return }
            reading.complain(
                at: reading.origin(of: path), path: path,
                "is \(describe(size: size)), but must be at least \(describe(size: least)), \(why)")
        }
        check(
            "memory.limit", memory.limit, atLeast: request,
            "receivers.otlp.max_request_size, or no such request gets in")
        check(
            "journal.queue_size", journal.queueSize, atLeast: request,
            "receivers.otlp.max_request_size, or no such request gets in")
        check(
            "journal.retention.size", journal.retention.size, atLeast: 2 * journal.segmentSize,
            "twice journal.segment_size, since whole segments are deleted")
    }

    /// An exporter that sends to this relay's own receivers would feed it for ever.
    private func checkLoops(_ reading: Reading) {
        for exporter in exporters {
            guard let (path, listener) = ownListener(of: exporter) else { continue }
            let setting = "exporters.\(exporter.name).endpoint"
            reading.complain(
                at: reading.origin(of: setting), path: setting,
                "is this relay's own receiver (\(path) \(listener)): it would send to itself for ever")
        }
    }

    /// Events that are forwarded to the relay's own API would come back for ever.
    private func checkForwarding(_ reading: Reading) {
        for route in cloudEvents.forwardTo?.routes ?? [] {
            guard let endpoint = route.endpoint, let (path, listener) = ownListener(at: endpoint.server) else { continue }
            reading.complain(
                at: reading.origin(of: route.path), path: route.path,
                "is this relay itself (\(path) \(listener)): the events would come back for ever")
        }
    }

    /// The receiver of this relay that an exporter would send to, if any.
    func ownListener(of exporter: Exporter) -> (path: String, endpoint: ListenEndpoint)? {
        for signal in exporter.signals {
            if let found = exporter.endpoint(for: signal).flatMap(ownListener) { return found }
        }
        return nil
    }

    private func ownListener(at target: RemoteEndpoint) -> (path: String, endpoint: ListenEndpoint)? {
        let loopback: Set = ["localhost", "127.0.0.1", "::1"]
        let open: Set = ["0.0.0.0", "::"]
        return listeners.first { _, listener in
            guard listener.port == target.port else { return false }
            return listener.host == target.host
                || loopback.contains(target.host) && (open.contains(listener.host) || listener.host == "127.0.0.1")
        }
    }
}
