// What findings say to a person. Every key named here is one that Kestra, Portarium's SDK or the relay reads.

extension FindingCode {
    package var title: String {
        switch self {
        case .nothingReceived: "No span was received"
        case .kestraSilent: "Nothing came from Kestra"
        case .portariumSilent: "Nothing came from Portarium"
        case .originSilent: "Nothing ever fitted a configured system"
        case .kestraTracesOff: "Kestra's executions are not traced"
        case .kestraTracesPartial: "Kestra traces only a part of its executions"
        case .kestraServiceUnknown: "A Kestra runs under a service name that is not configured"
        case .kestraMetricsMissing: "Kestra's metrics do not come"
        case .unsampled: "Traces are cut by the sampled flag"
        case .executionSpansMissing: "Executions that a flow told about have no spans"
        case .tracesApart: "The caller's trace does not reach Kestra"
        case .executionsUnjoined: "Executions are not joined to anything"
        case .noEventIDs: "Nothing names the events"
        case .eventTraceUnknown: "Events carry the traceparent of a trace that nobody has"
        case .traceparentMalformed: "A traceparent cannot be read"
        case .parentsMissing: "The callers of Kestra do not send their spans here"
        case .clockSkew: "The clocks of Kestra and its callers differ"
        case .clockAhead: "A sender's clock is ahead"
        case .pollerNoise: "Pollers fill the backend with traces of one span"
        case .duplicateSpans: "Spans come twice"
        case .serviceUnnamed: "A sender has no service name"
        case .serviceShared: "Two systems send under one service name"
        case .tenantConflicts: "Tenants contradict each other"
        case .kestraAPIFailing: "Asking the Kestra API fails"
        case .wrongPort: "A sender uses the other protocol's port"
        }
    }

    package var explanation: String {
        switch self {
        case .nothingReceived: "No span has reached the relay since it was started."
        case .kestraSilent:
            "Spans of others come, but none that is Kestra's: it does not export, exports elsewhere, or has a service name "
                + "that is not configured."
        case .portariumSilent:
            "Spans of others come, but none that is Portarium's. It has no OpenTelemetry SDK of its own: without the preload "
                + "nothing is exported."
        case .originSilent: "No span has matched the services, scopes and resource attributes of these origins."
        case .kestraTracesOff:
            "Kestra's HTTP server answered calls that start executions, but no EXECUTOR or WORKER span followed: "
                + "kestra.traces.root is DISABLED by default."
        case .kestraTracesPartial:
            "Either all EXECUTOR or all WORKER spans are missing. A category below kestra.traces.categories is DISABLED, or "
                + "one of Kestra's processes does not export."
        case .kestraServiceUnknown:
            "Spans with execution ids and webhook calls come from one service that no origin fits, so that the webhook "
                + "calls are not recognised as Kestra's."
        case .kestraMetricsMissing: "Kestra's spans come, but no request of metrics that holds one of its."
        case .unsampled:
            "The sampled flag of these traceparents is off (-00). Both systems obey it and export no span of what follows."
        case .executionSpansMissing:
            "A binding named the execution, and no span of it came within a minute: its trace was not sampled, or one of "
                + "Kestra's processes does not export, or a queue on the way overflowed."
        case .tracesApart:
            "The caller has a span of the call, and Kestra's span of the same call is a root: no traceparent header was sent, "
                + "something on the way removed it, or Kestra did not read it."
        case .executionsUnjoined:
            "Kestra took the call in without a traceparent header, and neither a binding, an event id nor Kestra's record "
                + "tells which event started the execution."
        case .noEventIDs:
            "Traces may join, but nobody can ask for an event: no span, CloudEvent or binding carries an event's id."
        case .eventTraceUnknown:
            "Portarium writes the traceparent of the incoming request into its events, and makes one up if there is none; "
                + "no span has that trace. Evidence by traceparent leads nowhere then."
        case .traceparentMalformed: "It is none of W3C Trace Context, or all its digits are zero; it counts as absent."
        case .parentsMissing:
            "Kestra's spans continue traces whose calling span never came: the caller exports elsewhere, drops spans, or is "
                + "a proxy that makes up a traceparent. The traces join, but their beginning is not here."
        case .clockSkew:
            "Kestra's span lies outside of the call that caused it, by more than 100 ms. Joining does not depend on it, "
                + "timelines and durations do."
        case .clockAhead: "Spans end more than 5 seconds after they arrived."
        case .pollerNoise: "Reading an execution makes a SERVER span that is alone in its trace; the calls of a page or a script add up."
        case .duplicateSpans:
            "The same trace id and span id came in different requests: two pipelines send the same spans, or the relay's "
                + "output comes back to it."
        case .serviceUnnamed:
            "service.name is missing or unknown_service, so that spans cannot be told to be a system's by their service."
        case .serviceShared:
            "Spans of one service match several origins. What is moved and what stays depends on the scope of each span."
        case .tenantConflicts:
            "Events without a tenant exist under several, or evidence of one tenant named what is another's. They are not joined."
        case .kestraAPIFailing: "Executions are not enriched: what is only in the Kestra API is not seen."
        case .wrongPort: "gRPC came on the HTTP port, or HTTP on the gRPC port. It works here, it will not elsewhere."
        }
    }

    package var remedies: [Remedy] {
        switch self {
        case .nothingReceived:
            [
                Remedy(.kestra, "otel.exporter.otlp.endpoint", "http://HOST:4317"),
                Remedy(.portarium, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://HOST:4318"),
                Remedy(.spanbridge, "receivers.otlp.protocols.grpc.endpoint", "\"0.0.0.0:4317\" (the default is loopback)"),
            ]
        case .kestraSilent:
            [
                Remedy(.kestra, "micronaut.otel.enabled", "true"),
                Remedy(.kestra, "otel.traces.exporter", "otlp"),
                Remedy(.kestra, "otel.exporter.otlp.endpoint", "http://HOST:4317"),
                Remedy(.spanbridge, "correlation.origins.kestra.services", "[kestra, NAME]"),
            ]
        case .portariumSilent:
            [
                Remedy(.portarium, "NODE_OPTIONS", "--import @opentelemetry/auto-instrumentations-node/register"),
                Remedy(.portarium, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://HOST:4318"),
                Remedy(.portarium, "OTEL_SERVICE_NAME", "portarium-control-plane"),
            ]
        case .originSilent:
            [Remedy(.spanbridge, "correlation.origins", "NAME: {services: [NAME], scopes: []} as the sender has them")]
        case .kestraTracesOff: [Remedy(.kestra, "kestra.traces.root", "DEFAULT")]
        case .kestraTracesPartial:
            [
                Remedy(.kestra, "kestra.traces.categories", "no entry DISABLED for io.kestra.executor, io.kestra.jdbc or io.kestra.core.runners.Worker"),
                Remedy(.kestra, "micronaut.otel.enabled", "true in the configuration of every process"),
            ]
        case .kestraServiceUnknown:
            [
                Remedy(.spanbridge, "correlation.origins.kestra.services", "[kestra, NAME]"),
                Remedy(.kestra, "otel.service.name", "kestra"),
            ]
        case .kestraMetricsMissing:
            [
                Remedy(.kestra, "micronaut.metrics.export.otlp.enabled", "true"),
                Remedy(.kestra, "micronaut.metrics.export.otlp.url", "http://HOST:4318/v1/metrics"),
            ]
        case .unsampled:
            [Remedy(.sender, "the caller's sampler", "a traceparent that ends in -01; sample behind the relay, in the collector")]
        case .executionSpansMissing:
            [
                Remedy(.kestra, "micronaut.otel.enabled", "true in the configuration of every process"),
                Remedy(.kestra, "kestra.traces.root", "DEFAULT"),
                Remedy(.sender, "the caller's sampler", "a traceparent that ends in -01"),
            ]
        case .tracesApart:
            [
                Remedy(.portarium, "OTEL_PROPAGATORS", "tracecontext,baggage (the default), not none"),
                Remedy(.sender, "proxies between caller and Kestra", "pass the header traceparent on"),
                Remedy(.spanbridge, "enrichment.kestra_api", "joins by the header that Kestra's record keeps"),
            ]
        case .executionsUnjoined:
            [
                Remedy(.portarium, "OTEL_NODE_DISABLED_INSTRUMENTATIONS", "without undici, which sends the traceparent header"),
                Remedy(.portarium, "OTEL_PROPAGATORS", "tracecontext,baggage (the default), not none"),
                Remedy(.kestra, "the flow's first task", "POST http://spanbridge:4320/v1/bindings"),
                Remedy(.spanbridge, "enrichment.kestra_api", "{endpoint: \"http://kestra:8080\", tenant: main}"),
            ]
        case .noEventIDs:
            [
                Remedy(.portarium, "the event publisher", "POST each event to http://spanbridge:4320/v1/cloudevents too"),
                Remedy(.kestra, "the flow's first task", "POST http://spanbridge:4320/v1/bindings"),
                Remedy(.kestra, "otel.http.server.request-headers", "[ce-id, ce-source, ce-type, ce-tenantid, ce-traceparent]"),
                Remedy(.spanbridge, "enrichment.kestra_api", "{endpoint: \"http://kestra:8080\", tenant: main}"),
            ]
        case .eventTraceUnknown:
            [
                Remedy(.sender, "the request to Portarium", "a traceparent header of the caller's own trace"),
                Remedy(.portarium, "OTEL_PROPAGATORS", "tracecontext,baggage (the default), not none"),
            ]
        case .traceparentMalformed:
            [Remedy(.sender, "traceparent", "00-<32 hex digits, lower case>-<16 hex digits>-01")]
        case .parentsMissing:
            [
                Remedy(.portarium, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://HOST:4318"),
                Remedy(.collector, "exporters.otlp", "all spans to the relay, before tail_sampling"),
            ]
        case .clockSkew, .clockAhead: [Remedy(.sender, "NTP", "chrony or systemd-timesyncd on every machine")]
        case .pollerNoise:
            [Remedy(.kestra, "otel.exclusions", "[\"/ui/.*\", \"/health\", \"^/api/v1/[^/]+/executions/[0-9A-Za-z]{19,22}$\"]")]
        case .duplicateSpans:
            [
                Remedy(.collector, "service.pipelines.traces", "one way from each sender to the relay, none back to it"),
                Remedy(.spanbridge, "exporters", "not an endpoint that sends to the relay"),
            ]
        case .serviceUnnamed:
            [
                Remedy(.portarium, "OTEL_SERVICE_NAME", "portarium-control-plane; portarium-worker in the worker"),
                Remedy(.kestra, "otel.service.name", "kestra"),
            ]
        case .serviceShared:
            [
                Remedy(.portarium, "OTEL_SERVICE_NAME", "portarium-control-plane"),
                Remedy(.kestra, "otel.service.name", "kestra"),
                Remedy(.spanbridge, "correlation.origins", "services and scopes that do not overlap"),
            ]
        case .tenantConflicts:
            [
                Remedy(.sender, "tenantid", "the tenant in events, bindings (event.tenantid) and ce-tenantid headers"),
            ]
        case .kestraAPIFailing:
            [
                Remedy(.spanbridge, "enrichment.kestra_api.endpoint", "http://kestra:8080"),
                Remedy(.spanbridge, "enrichment.kestra_api.basic_auth", "{username: \"spanbridge@example.com\", password: \"${env:KESTRA_PASSWORD}\"}"),
            ]
        case .wrongPort:
            [
                Remedy(.portarium, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://HOST:4318 (HTTP)"),
                Remedy(.kestra, "otel.exporter.otlp.endpoint", "http://HOST:4317 (gRPC)"),
            ]
        }
    }
}
