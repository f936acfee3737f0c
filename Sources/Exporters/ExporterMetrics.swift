package import Metrics
import OTLP

extension OTLPExporter {
    /// Registers everything that this exporter counts, with the label `exporter` = its name. The values are read at
    /// each scrape.
    package func register(in registry: MetricRegistry) {
        ExporterMetrics(name: settings.name, read: { self.counters }).register(in: registry)
    }
}

/// The series of one exporter.
package struct ExporterMetrics: Sendable {
    private let label: MetricLabel
    private let read: @Sendable () -> ExporterCounters

    package init(name: String, read: @escaping @Sendable () -> ExporterCounters) {
        label = MetricLabel("exporter", name)
        self.read = read
    }

    package func register(in registry: MetricRegistry) {
        registerRecords(in: registry)
        registerQueue(in: registry)
        registerRequests(in: registry)
    }

    private func registerRecords(in registry: MetricRegistry) {
        let records = "Spans, data points and log records"
        bySignal("accepted_records", .counter, "\(records) taken into the exporter's queue.", in: registry) {
            $0.signals[$1].accepted.records
        }
        bySignal("sent_records", .counter, "\(records) that the backend kept.", in: registry) {
            $0.signals[$1].delivered.records
        }
        bySignal(
            "rejected_records", .counter, "\(records) that the backend threw away from requests it took.", in: registry
        ) { $0.signals[$1].rejectedRecords }
        bySignal("queued_records", .gauge, "\(records) that wait for an attempt.", in: registry) {
            $0.signals[$1].queued.records
        }
        bySignal("in_flight_records", .gauge, "\(records) being sent.", in: registry) {
            $0.signals[$1].inFlight.records
        }
        bySignal("refused_records", .counter, "\(records) not taken because the queue was full.", in: registry) {
            $0.refusedRecords[$1]
        }
        let (label, read) = (label, read)
        registry.register("spanbridge_exporter_dropped_records", .counter, help: "\(records) given up, by reason.") {
            let counters = read()
            // A series that is there before its first drop can be alerted on.
            return Signal.allCases.flatMap { signal in
                DropReason.allCases.map { reason in
                    MetricPoint(
                        labels: [label, MetricLabel("signal", signal.name), MetricLabel("reason", reason.rawValue)],
                        value: .integer(UInt64(clamping: counters.signals[signal].dropped[reason]?.records ?? 0)))
                }
            }
        }
    }

    private func bySignal(
        _ name: String, _ kind: MetricKind, _ help: String, in registry: MetricRegistry,
        _ value: @escaping @Sendable (ExporterCounters, Signal) -> Int
    ) {
        let (label, read) = (label, read)
        registry.register("spanbridge_exporter_" + name, kind, help: help) {
            let counters = read()
            return Signal.allCases.map { signal in
                MetricPoint(
                    labels: [label, MetricLabel("signal", signal.name)],
                    value: .integer(UInt64(clamping: value(counters, signal))))
            }
        }
    }

    private func registerQueue(in registry: MetricRegistry) {
        gauge("queue_bytes", "Payload held, queued or in flight.", unit: "bytes", in: registry) { $0.queueBytes }
        gauge("queue_capacity_bytes", "What queue_bytes may reach.", unit: "bytes", in: registry) {
            $0.queueBytesCapacity
        }
        gauge("queue_size", "Items held, queued or in flight.", in: registry) { $0.queueItems }
        gauge("queue_capacity", "What queue_size may reach.", in: registry) { $0.queueItemsCapacity }
        counter("refused_items", "Items not taken because the queue was full.", in: registry) { $0.refusedItems }
    }

    private func registerRequests(in registry: MetricRegistry) {
        gauge("in_flight_requests", "Requests without an answer yet.", in: registry) { $0.inFlightRequests }
        gauge("waiting_retries", "Batches that wait for another attempt.", in: registry) { $0.waitingRetries }
        counter("requests", "Requests sent.", in: registry) { $0.requests }
        counter("failed_requests", "Requests that did not deliver.", in: registry) { $0.failedRequests }
        counter("retries", "Requests that were not the first of their batch.", in: registry) { $0.retries }
        counter("splits", "Batches halved because the backend said too large.", in: registry) { $0.splits }
        counter("throttles", "Answers that told the exporter to slow down.", in: registry) { $0.throttles }
        counter("payload_bytes", "Bodies sent, before compression.", unit: "bytes", in: registry) { $0.payloadBytes }
        counter("wire_bytes", "Bodies sent, after compression.", unit: "bytes", in: registry) { $0.wireBytes }
    }

    private func counter(
        _ name: String, _ help: String, unit: String? = nil, in registry: MetricRegistry,
        _ value: @escaping @Sendable (ExporterCounters) -> Int
    ) {
        add(name, .counter, help, unit, registry, value)
    }

    private func gauge(
        _ name: String, _ help: String, unit: String? = nil, in registry: MetricRegistry,
        _ value: @escaping @Sendable (ExporterCounters) -> Int
    ) {
        add(name, .gauge, help, unit, registry, value)
    }

    private func add(
        _ name: String, _ kind: MetricKind, _ help: String, _ unit: String?, _ registry: MetricRegistry,
        _ value: @escaping @Sendable (ExporterCounters) -> Int
    ) {
        let (label, read) = (label, read)
        registry.register("spanbridge_exporter_" + name, kind, help: help, unit: unit) {
            [MetricPoint(labels: [label], value: .integer(UInt64(clamping: value(read()))))]
        }
    }
}
