import Correlation
import Enrichment
import Exporters
import Journal
import Metrics
import OTLP
import QueryAPI
import Receivers
import Transport

/// The relay's own metrics. Everything is read when it is scraped, from counters that the parts keep anyway.
///
/// Invariant, for each signal and exporter: accepted = delivered + dropped + rejected + held + queued.
final class RelayMetrics: Sendable {
    private let registry = MetricRegistry()
    private let ledger: DeliveryLedger
    private let journal: Journal
    private let join: JoinThread

    init(
        receiver: ReceiverCounters, budget: MemoryBudget, ledger: DeliveryLedger, journal: Journal, join: JoinThread,
        server: Server, apiServer: Server, exporters: [OTLPExporter], waiting: [(name: String, count: WaitingCount)],
        kestra: KestraAPIClient?, forwarding: EventForwarding?, watch: DoctorWatch
    ) {
        self.ledger = ledger
        self.journal = journal
        self.join = join
        register(receiver)
        register(budget)
        registerJournal()
        registerCorrelator()
        for exporter in exporters { exporter.register(in: registry) }
        kestra?.register(in: registry)
        forwarding?.register(in: registry)
        for (name, count) in waiting {
            registry.register(
                "spanbridge_exporter_stranded_items_total", .counter,
                help: "Execution spans and amendments that there was no room to keep; they are made again after a start.",
                labels: [MetricLabel("exporter", name)]
            ) { Double(count.stranded) }
            registry.register(
                "spanbridge_exporter_waiting_records", .gauge,
                help: "Records and items that wait until the exporter's sending queue has room.",
                labels: [MetricLabel("exporter", name)]
            ) { Double(count.value) }
        }
        registry.register(
            "spanbridge_doctor_findings", .gauge,
            help: "1 for each mis-set-up that live telemetry shows (docs/set-up.md has a section for each)."
        ) {
            let found = watch.findings
            return FindingCode.allCases.map {
                MetricPoint(labels: [MetricLabel("code", $0.rawValue)], found.contains($0) ? 1 : 0)
            }
        }
        registry.register(
            "spanbridge_server_connections", .gauge, help: "Open connections of the receivers."
        ) { Double(server.connectionCount) }
        let servers = [("receivers", server), ("api", apiServer)]
        for (name, server) in servers {
            registry.register(
                "spanbridge_tls_failures_total", .counter, help: "TLS handshakes of listeners that failed.",
                labels: [MetricLabel("listeners", name)]
            ) { Double(server.counters.tlsFailures) }
        }
        registry.register(
            "spanbridge_misused_connections_total", .counter,
            help: "Connections that were given up because of what came over them, or how slowly, by reason."
        ) {
            servers.flatMap { name, server in
                let faults = server.counters.faults
                return ConnectionFault.allCases.map {
                    MetricPoint(
                        labels: [MetricLabel("listeners", name), MetricLabel("reason", $0.rawValue)], Double(faults[$0] ?? 0))
                }
            }
        }
        registry.register(
            "spanbridge_build_info", .gauge, help: "The running version.",
            labels: [MetricLabel("version", Version.current)]
        ) { 1 }
    }

    func text(accept: String?) -> QueryAnswer {
        let format = ExpositionFormat.negotiate(accept: accept)
        return .bytes(ExpositionEncoder.encode(registry.scrape(), as: format), contentType: format.contentType)
    }

    /// `GET /api/v1/status`: the few numbers that tell whether all is well.
    func status() -> [UInt8] {
        let reading = join.reading
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("version")
        writer.string(Version.current)
        for (name, value) in [
            ("lastRecord", journal.lastID.raw), ("oldestUndelivered", ledger.oldestOwed ?? 0),
            ("executions", UInt64(reading.executions)), ("events", UInt64(reading.events)),
            ("heldRecords", UInt64(reading.heldRecords)), ("joinedSpans", reading.counters.joinedSpans),
            ("amendedSpans", reading.counters.amendedSpans), ("executionSpans", reading.counters.executionSpans),
        ] {
            writer.key(name)
            writer.integer(value)
        }
        writer.endObject()
        return writer.bytes
    }

    /// - Parameter listeners: the names of the listeners that ask for these tokens.
    func register(_ authentication: BearerAuthentication, listeners: [String]) {
        registry.register(
            "spanbridge_unauthenticated_requests_total", .counter,
            help: "Requests refused because their token was missing or wrong."
        ) {
            listeners.flatMap { authentication.counts(of: $0) }.map {
                MetricPoint(
                    labels: [MetricLabel("listener", $0.listener), MetricLabel("reason", $0.refusal.rawValue)],
                    Double($0.requests))
            }
        }
    }

    /// - Parameter counts: by path.
    func registerTenantConflicts(_ counts: [(path: String, read: @Sendable () -> UInt64)]) {
        registry.register(
            "spanbridge_tenant_conflicts_total", .counter,
            help: "Requests refused because they named another tenant than their token's."
        ) {
            counts.map { MetricPoint(labels: [MetricLabel("path", $0.path)], Double($0.read())) }
        }
    }

    private func register(_ receiver: ReceiverCounters) {
        let families: [(String, String, @Sendable (ReceiverCounters.Values) -> UInt64)] = [
            ("requests", "OTLP requests received.", { $0.requests }),
            ("accepted_records", "Spans, data points and log records acknowledged.", { $0.accepted }),
            ("rejected_spans", "Spans left out because their ids are invalid.", { $0.rejected }),
            ("refused_requests", "OTLP requests answered with an error.", { $0.refused }),
            ("received_bytes", "Bytes of request bodies, as sent.", { $0.bytes }),
        ]
        for (name, help, value) in families {
            registry.register("spanbridge_receiver_\(name)_total", .counter, help: help) {
                Signal.allCases.map {
                    MetricPoint(labels: [MetricLabel("signal", $0.name)], Double(value(receiver.read($0))))
                }
            }
        }
    }

    private func register(_ budget: MemoryBudget) {
        registry.register(
            "spanbridge_memory_used_bytes", .gauge, help: "Bytes of requests between their senders and the correlator."
        ) { Double(budget.inUse) }
        registry.register(
            "spanbridge_memory_limit_bytes", .gauge, help: "The most that memory_used may be (memory.limit)."
        ) { Double(budget.limit) }
        registry.register(
            "spanbridge_memory_refused_requests_total", .counter, help: "Requests refused because memory.limit was reached."
        ) { Double(budget.refused) }
    }

    private func registerJournal() {
        let journal = journal
        let counts: [(String, MetricKind, String, @Sendable (JournalStatistics) -> Double)] = [
            ("records_total", .counter, "Requests written.", { Double($0.records) }),
            ("bytes_total", .counter, "Bytes written.", { Double($0.bytes) }),
            ("groups_total", .counter, "Groups of requests that shared a write.", { Double($0.groups) }),
            ("syncs_total", .counter, "Times the disk was asked to make writes durable.", { Double($0.synchronizations) }),
            ("duplicates_total", .counter, "Requests recognised as a sender's retry and not stored again.", { Double($0.duplicates) }),
            ("refused_total", .counter, "Requests refused: the queue was full or the disk failed.", { Double($0.refused) }),
            ("segments", .gauge, "Segment files.", { Double($0.segments) }),
            ("disk_bytes", .gauge, "Bytes of all segment files.", { Double($0.storedBytes) }),
            ("queue_bytes", .gauge, "Bytes that wait for the writer.", { Double($0.waitingBytes) }),
        ]
        for (name, kind, help, value) in counts {
            registry.register("spanbridge_journal_\(name)", kind, help: help) { value(journal.statistics) }
        }
        let ledger = ledger
        registry.register(
            "spanbridge_journal_undelivered_records", .gauge,
            help: "Records from the oldest that is not delivered everywhere to the newest."
        ) { Double(ledger.span) }
    }

    private func registerCorrelator() {
        let join = join
        let counts: [(String, MetricKind, String, @Sendable (CorrelatorReading) -> Double)] = [
            ("executions", .gauge, "Executions remembered (correlation.max_executions).", { Double($0.executions) }),
            ("events", .gauge, "Events remembered (correlation.max_events).", { Double($0.events) }),
            ("traces", .gauge, "Traces of followers remembered (correlation.max_traces).", { Double($0.traces) }),
            ("held_records", .gauge, "Requests of which spans wait for evidence.", { Double($0.heldRecords) }),
            ("held_bytes", .gauge, "Bytes of them in memory (correlation.hold_memory).", { Double($0.counters.heldBytes) }),
            ("joined_spans_total", .counter, "Spans that left under another trace id than they came with.", { Double($0.counters.joinedSpans) }),
            ("amended_spans_total", .counter, "Spans exported again because evidence came late.", { Double($0.counters.amendedSpans) }),
            ("execution_spans_total", .counter, "Spans made for executions.", { Double($0.counters.executionSpans) }),
            ("evicted_records_total", .counter, "Waiting requests dropped from memory and read back later.", { Double($0.counters.evictedRecords) }),
            ("forgotten_total", .counter, "Executions, events and traces forgotten because of a limit.", { Double($0.counters.forgotten) }),
            ("units_in_memory", .gauge, "Executions, events and traces in memory (correlation.max_in_memory).", { Double($0.inMemory) }),
            ("spilled_total", .counter, "Groups of quiet executions, events and traces moved out of memory into a file.", { Double($0.counters.spilledClusters) }),
            ("recalled_total", .counter, "The same, read back because something of them came or was asked for.", { Double($0.counters.recalledClusters) }),
            ("spill_failures_total", .counter, "Times that file could not be written or read.", { Double($0.counters.spillFailures) }),
            ("cut_relations_total", .counter, "Relations not kept because one trace, event or execution has too many.", { Double($0.counters.relationsCut) }),
            ("ambiguous_events_total", .counter, "Events without tenant that exist under several, and so were not joined.", { Double($0.counters.ambiguousEvents) }),
            ("circles_total", .counter, "Times that evidence turned out to lead round in a circle, and so nowhere.", { Double($0.counters.circles) }),
            ("tenant_refusals_total", .counter, "Evidence that would have joined what belongs to two tenants.", { Double($0.counters.tenantRefusals) }),
        ]
        for (name, kind, help, value) in counts {
            registry.register("spanbridge_correlator_\(name)", kind, help: help) { value(join.reading) }
        }
    }
}
