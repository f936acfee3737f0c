package import OTLP

/// One span under the ids it is exported with.
package struct TimelineSpan: Sendable, Hashable {
    package var traceID: TraceID
    package var spanID: SpanID
    /// `SpanID.none` for a root.
    package var parentSpanID: SpanID
    /// The trace it arrived in.
    package var originalTraceID: TraceID
    package var name: String
    /// OTLP span kind: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    package var kind: UInt8
    /// Unix nanoseconds.
    package var start: UInt64
    /// Unix nanoseconds.
    package var end: UInt64
    /// OTLP status code: 0 unset, 1 ok, 2 error.
    package var status: UInt8
    package var statusMessage: String
    package var service: String
    package var scope: String
    package var origin: TimelineOrigin
    package var kestra: KestraSpanKind
    /// Kestra's execution id, if the span carries one.
    package var executionID: String?
    /// `kestra.uid` of a WORKER span: the task run's id.
    package var taskRun: String?
    /// The Java class of a WORKER span's task.
    package var taskType: String?
    /// `http.route`, else the url path.
    package var route: String?
    /// Whether spanbridge made it: the execution's own span.
    package var isSynthetic: Bool

    package init(
        traceID: TraceID, spanID: SpanID, parentSpanID: SpanID, originalTraceID: TraceID, name: String, kind: UInt8,
        start: UInt64, end: UInt64, status: UInt8 = 0, statusMessage: String = "", service: String, scope: String,
        origin: TimelineOrigin, kestra: KestraSpanKind, executionID: String? = nil, taskRun: String? = nil,
        taskType: String? = nil, route: String? = nil, isSynthetic: Bool = false
    ) {
        self.traceID = traceID
        self.spanID = spanID
        self.parentSpanID = parentSpanID
        self.originalTraceID = originalTraceID
        self.name = name
        self.kind = kind
        self.start = start
        self.end = end
        self.status = status
        self.statusMessage = statusMessage
        self.service = service
        self.scope = scope
        self.origin = origin
        self.kestra = kestra
        self.executionID = executionID
        self.taskRun = taskRun
        self.taskType = taskType
        self.route = route
        self.isSynthetic = isSynthetic
    }

    static let serverKind: UInt8 = 2
    static let clientKind: UInt8 = 3
    static let producerKind: UInt8 = 4
    static let errorStatus: UInt8 = 2

    /// Whether it is an EXECUTOR or WORKER span, which is what an execution's activity is read from.
    var isActivity: Bool { !isSynthetic && (kestra == .executor || kestra == .worker) }

    /// Whether it belongs to an execution's own part of the drawing.
    var isOfExecution: Bool { executionID != nil && (isSynthetic || isActivity) }

    var hasError: Bool { status == Self.errorStatus }

    /// The task's class: as told, else read from `WORKER - <class>`.
    var type: String {
        if let taskType, !taskType.isEmpty { return taskType }
        let prefix = "WORKER - "
        return name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
    }

    var statusName: String {
        switch status {
        case 1: "ok"
        case Self.errorStatus: "error"
        default: "unset"
        }
    }
}
