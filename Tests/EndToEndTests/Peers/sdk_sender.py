"""Sends spans, metrics and logs with OpenTelemetry's Python SDK: sdk_sender.py grpc|http PORT none|gzip RUN

RUN is a word that every span, point and record carries, so that the receiving test can tell runs apart.
"""
import logging
import sys

from opentelemetry import trace
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

protocol, port, compression, run = sys.argv[1:5]
resource = Resource.create({"service.name": "sdk-sender", "run": run})

if protocol == "grpc":
    import grpc
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    options = {
        "endpoint": f"127.0.0.1:{port}",
        "insecure": True,
        "compression": grpc.Compression.Gzip if compression == "gzip" else grpc.Compression.NoCompression,
    }
    spans, metrics, logs = OTLPSpanExporter(**options), OTLPMetricExporter(**options), OTLPLogExporter(**options)
else:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    how = Compression.Gzip if compression == "gzip" else Compression.NoCompression
    base = f"http://127.0.0.1:{port}/v1"
    spans = OTLPSpanExporter(endpoint=f"{base}/traces", compression=how)
    metrics = OTLPMetricExporter(endpoint=f"{base}/metrics", compression=how)
    logs = OTLPLogExporter(endpoint=f"{base}/logs", compression=how)

tracers = TracerProvider(resource=resource)
tracers.add_span_processor(BatchSpanProcessor(spans))
trace.set_tracer_provider(tracers)
meters = MeterProvider(resource=resource, metric_readers=[PeriodicExportingMetricReader(metrics, 3_600_000)])
loggers = LoggerProvider(resource=resource)
loggers.add_log_record_processor(BatchLogRecordProcessor(logs))
logger = logging.getLogger("sender")
logger.setLevel(logging.INFO)
logger.addHandler(LoggingHandler(logger_provider=loggers))

tracer = tracers.get_tracer("sdk-sender")
orders = meters.get_meter("sdk-sender").create_counter("orders")
for number in range(50):
    with tracer.start_as_current_span("order", attributes={"run": run, "order.number": number}) as span:
        span.add_event("checked", {"ok": True})
        orders.add(1, {"run": run})
        logger.info("order %d of %s", number, run)

ok = tracers.force_flush() and meters.force_flush() and loggers.force_flush()
tracers.shutdown()
meters.shutdown()
loggers.shutdown()
sys.exit(0 if ok else 1)
