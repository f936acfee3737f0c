"""Asks a running relay, by clients that nobody here wrote, whether it holds the rows of docs/conformance.md.

conformance.py GRPC_PORT HTTP_PORT API_PORT PID LIMIT: the relay's ports and process, and its receivers.otlp.max_request_size
in bytes. Prints a line for each row: its id, "held" or "failed", and why. Ends the relay at last, which is a row too.
"""

import base64
import gzip
import http.client
import json
import os
import signal
import socket
import struct
import sys
import time
import traceback
import urllib.request

import grpc
import h2.config
import h2.connection
import h2.errors
import h2.events
from google.protobuf import any_pb2
from google.protobuf.internal import encoder
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

GRPC, HTTP, API, PID, LIMIT = (int(word) for word in sys.argv[1:6])
SERVICE = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
}
PROTOBUF, JSON = "application/x-protobuf", "application/json"
rows = []


def row(*ids):
    """The function asks for these rows."""

    def note(function):
        rows.append((ids, function))
        return function

    return note


def check(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(part) for part in what) or "not so")


# What is sent

number = 0


def new_span(request, **fields):
    global number
    number += 1
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id = os.urandom(16)
    span.span_id = struct.pack(">Q", number)
    span.name = f"span {number}"
    span.start_time_unix_nano, span.end_time_unix_nano = 1_700_000_000_000_000_000, 1_700_000_001_000_000_000
    for name, value in fields.items():
        setattr(span, name, value)
    return span


def spans(count=1, **fields):
    request = traces.ExportTraceServiceRequest()
    for _ in range(count):
        new_span(request, **fields)
    return request


def one_metric():
    request = metrics.ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add()
    metric.name = f"metric {os.urandom(4).hex()}"
    return request, metric


def one_log():
    request = logs.ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.time_unix_nano = 1_700_000_000_000_000_000
    record.body.string_value = os.urandom(8).hex()
    return request, record


def field(number, payload):
    """A length-delimited field that no library would write."""
    return encoder.TagBytes(number, 2) + encoder._VarintBytes(len(payload)) + payload


# gRPC by grpcio

channel = grpc.insecure_channel(f"127.0.0.1:{GRPC}", options=[("grpc.max_receive_message_length", 64 << 20)])


class Answer:
    def __init__(self, code, message, body, trailers):
        self.code, self.message, self.body, self.trailers = code, message, body, trailers


def call(path, body, compression=None, metadata=(), on=None):
    method = (on or channel).unary_unary(path, lambda raw: raw, lambda raw: raw)
    try:
        reply, info = method.with_call(body, timeout=20, compression=compression, metadata=metadata)
        return Answer(0, "", reply, dict(info.trailing_metadata() or ()))
    except grpc.RpcError as error:
        return Answer(error.code().value[0], error.details(), b"", dict(error.trailing_metadata() or ()))


def export(signal_name, request, **options):
    body = request if isinstance(request, bytes) else request.SerializeToString()
    return call(f"/{SERVICE[signal_name]}/Export", body, **options)


def partial(answer, kind=traces.ExportTraceServiceResponse):
    check(answer.code == 0, answer.code, answer.message)
    return kind.FromString(answer.body).partial_success


# HTTP by the standard library

plain = http.client.HTTPConnection("127.0.0.1", HTTP, timeout=20)


class Reply:
    def __init__(self, response):
        self.status, self.body, self.type = response.status, response.read(), response.getheader("Content-Type")
        self.header = response.getheader


def ask(method, path, body=b"", kind=PROTOBUF, port=None, **headers):
    connection = plain if port is None else http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    if kind:
        fields["Content-Type"] = kind
    try:
        connection.request(method, path, body, fields)
        return Reply(connection.getresponse())
    finally:
        if port is not None:
            connection.close()


def post(signal_name, request, kind=PROTOBUF, **headers):
    body = request if isinstance(request, bytes) else request.SerializeToString()
    return ask("POST", f"/v1/{signal_name}", body, kind, **headers)


def post_json(signal_name, value, **headers):
    return ask("POST", f"/v1/{signal_name}", json.dumps(value).encode(), JSON, **headers)


def status(reply):
    """The google.rpc.Status of a refusal: code, message and the types of its details."""
    if reply.type == JSON:
        value = json.loads(reply.body)
        return value.get("code", 0), value.get("message", ""), [detail["@type"] for detail in value.get("details", [])]
    check(reply.type == PROTOBUF, "content type", reply.type)
    code, message, details, rest = 0, "", [], reply.body
    while rest:
        tag, length, rest = rest[0], rest[1], rest[2:]
        if tag == 0x08:
            code, rest = length, rest[0:]
            continue
        if length >= 0x80:
            length, rest = (length & 0x7F) | rest[0] << 7, rest[1:]
        value, rest = rest[:length], rest[length:]
        if tag == 0x12:
            message = value.decode()
        elif tag == 0x1A:
            details.append(any_pb2.Any.FromString(value).type_url)
    return code, message, details


def raw(data, port=HTTP, wait=5, shut=False):
    """What comes back for bytes, until the relay closes or is silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as peer:
        peer.sendall(data)
        if shut:
            peer.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while piece := peer.recv(65536):
                got += piece
        except TimeoutError:
            pass
        return got


# HTTP/2 by h2


class Stream2:
    """One connection, for what grpcio does not do."""

    def __init__(self, port=GRPC):
        self.peer = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.flush()
        self.events = []

    def flush(self):
        self.peer.sendall(self.h2.data_to_send())

    def headers(self, path, more=(), kind="application/grpc", end=False):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(
            stream,
            [(":method", "POST"), (":scheme", "http"), (":authority", "relay"), (":path", path), ("content-type", kind),
             ("te", "trailers"), *more], end_stream=end)
        self.flush()
        return stream

    def data(self, stream, data, end=True):
        self.h2.send_data(stream, data, end_stream=end)
        self.flush()

    def read(self):
        data = self.peer.recv(65536)
        if not data:
            return False
        self.events += self.h2.receive_data(data)
        self.flush()
        return True

    def until(self, wanted):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for event in self.events:
                if wanted(event):
                    return event
            if not self.read():
                break
        raise AssertionError(f"did not come; came {[type(event).__name__ for event in self.events]}")

    def unary(self, path, message, more=(), kind="application/grpc", flag=0, pieces=None):
        stream = self.headers(path, more, kind)
        data = struct.pack(">BI", flag, len(message)) + message
        for position in range(0, len(data), pieces or len(data)):
            self.h2.send_data(stream, data[position:position + (pieces or len(data))])
        self.h2.end_stream(stream)
        self.flush()
        return self.answer(stream)

    def answer(self, stream):
        def ends(event):
            return getattr(event, "stream_id", None) == stream and isinstance(
                event, (h2.events.StreamEnded, h2.events.StreamReset))

        self.until(ends)
        mine = [event for event in self.events if getattr(event, "stream_id", None) == stream]
        fields = {}
        for event in mine:
            if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                fields.update(dict(event.headers))
        body = b"".join(event.data for event in mine if isinstance(event, h2.events.DataReceived))
        return fields, body

    def close(self):
        self.peer.close()


def once(*arguments, **options):
    stream = Stream2()
    try:
        return stream.unary(*arguments, **options)
    finally:
        stream.close()


EXPORT = f"/{SERVICE['traces']}/Export"


def resident():
    with open(f"/proc/{PID}/status") as file:
        for line in file:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) << 10
    return 0


# Both


@row("O-1")
def four_ways():
    for compression in (None, grpc.Compression.Gzip):
        check(not partial(export("traces", spans(), compression=compression)).rejected_spans)
    check(post("traces", spans()).status == 200)
    check(post("traces", gzip.compress(spans().SerializeToString()), Content_Encoding="gzip").status == 200)


@row("O-2")
def unknown_fields():
    body = spans().SerializeToString() + field(999, b"later")
    check(export("traces", body).body == b"" and post("traces", body).body == b"")


@row("O-4")
def empty_envelopes():
    request = traces.ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add()
    check(export("traces", request).code == 0 and post("traces", request).status == 200)


# OTLP/gRPC


@row("G-1", "R-1")
def three_services():
    metric, point = one_metric()
    point.gauge.data_points.add(time_unix_nano=1, as_int=1)
    for name, request in (("traces", spans()), ("metrics", metric), ("logs", one_log()[0])):
        check(export(name, request).code == 0, name)
    check(call(EXPORT.lower(), b"").code == 12, "paths are case-sensitive")


@row("G-2", "G-3", "R-6")
def grpc_limit():
    before = resident()
    large = spans(1, name="x" * (LIMIT + 1))
    bomb = spans(1, name="x" * (100 * LIMIT)).SerializeToString()
    for answer in (export("traces", large), export("traces", bomb, compression=grpc.Compression.Gzip)):
        check(answer.code == 8, answer.code, answer.message)
        check("receivers.otlp.max_request_size" in answer.message, answer.message)
        check("grpc-status-details-bin" not in answer.trailers, "RESOURCE_EXHAUSTED with details is retried")
    check(resident() - before < 20 * LIMIT, "memory grew by", resident() - before)
    # By its length prefix, before the message is there.
    stream = Stream2()
    opened = stream.headers(EXPORT)
    stream.data(opened, struct.pack(">BI", 0, LIMIT + 1), end=False)
    check(stream.answer(opened)[0]["grpc-status"] == "8")
    stream.close()


@row("G-4", "G-8")
def full_success():
    fields, body = once(EXPORT, spans().SerializeToString())
    check(body == b"\0\0\0\0\0" and fields["grpc-status"] == "0", fields, body)


@row("G-5")
def grpc_empty():
    for name in SERVICE:
        check(export(name, b"").body == b"")


@row("G-6", "G-7", "V-1", "V-2")
def grpc_partial():
    request = spans()
    for fields in ({"trace_id": bytes(16)}, {"span_id": bytes(8)}, {"trace_id": b"short"}, {"span_id": b""}):
        new_span(request, **fields)
    found = partial(export("traces", request))
    check(found.rejected_spans == 4 and len(found.error_message) > 10, found)


@row("G-9")
def grpc_reply_size():
    bad = field(1, field(2, field(2, b"") * 50_000))
    answer = export("traces", bad)
    check(partial(answer).rejected_spans == 50_000 and len(answer.body) < 4 << 20, len(answer.body))


@row("G-11", "R-7")
def grpc_bad_data():
    check(export("traces", b"\xff" * 40).code == 3)
    check(export("traces", spans().SerializeToString()[:-3]).code == 3)
    check(call("/a.b.C/Export", b"").code == 12 and call(f"/{SERVICE['traces']}/Import", b"").code == 12)


# OTLP/HTTP


@row("H-1", "H-2", "H-3", "H-6")
def three_paths():
    for name, request in (("traces", spans()), ("logs", one_log()[0]), ("metrics", one_metric()[0])):
        reply = post(name, request)
        check((reply.status, reply.type, reply.body) == (200, PROTOBUF, b""), name, reply.status, reply.body)
        check(reply.header("Content-Length") == "0")
    for kind in (JSON, "application/json; charset=utf-8", "Application/JSON"):
        reply = ask("POST", "/v1/traces", b'{"resourceSpans":[]}', kind)
        check((reply.status, reply.type, reply.body) == (200, JSON, b"{}"), kind, reply.status, reply.body)


@row("H-4")
def http_limit():
    large = spans(1, name="x" * (LIMIT + 1)).SerializeToString()
    bomb = gzip.compress(spans(1, name="x" * (100 * LIMIT)).SerializeToString())
    for reply in (post("traces", large, port=HTTP), post("traces", bomb, Content_Encoding="gzip", port=HTTP)):
        check(reply.status == 413 and "max_request_size" in status(reply)[1], reply.status)


@row("H-5")
def http_gzip():
    check(post("logs", gzip.compress(one_log()[0].SerializeToString()), Content_Encoding="gzip").status == 200)


@row("H-7")
def http_empty():
    for name in SERVICE:
        check(post(name, b"").status == 200 and ask("POST", f"/v1/{name}", b"{}", JSON).body == b"{}")


@row("H-8")
def http_partial():
    request = spans()
    new_span(request, trace_id=bytes(16))
    reply = post("traces", request)
    found = traces.ExportTraceServiceResponse.FromString(reply.body).partial_success
    check(reply.status == 200 and found.rejected_spans == 1 and found.error_message)
    bad = {"traceId": "0" * 32, "spanId": "00000000000000a1", "name": "x"}
    reply = post_json("traces", {"resourceSpans": [{"scopeSpans": [{"spans": [bad, bad]}]}]})
    found = json.loads(reply.body)["partialSuccess"]
    check(reply.status == 200 and found["rejectedSpans"] == "2" and found["errorMessage"], found)


@row("H-9", "H-13")
def http_status_bodies():
    for kind in (PROTOBUF, JSON):
        cut = b"\xff" * 9 if kind == PROTOBUF else b'{"resourceSpans":['
        for reply, expected in (
            (post("traces", cut, kind), 400),
            (post("traces", b"{}", kind, Content_Encoding="lzma"), 400),
            (ask("POST", "/v1/nothing", b"", kind), 404),
            (ask("PUT", "/v1/traces", b"", kind), 405),
        ):
            check(reply.status == expected and reply.type == kind, kind, reply.status, reply.type)
            check(status(reply)[1], "no message in", reply.body)
    reply = post("traces", b"x", "text/plain")
    check(reply.status == 415 and reply.type == JSON and status(reply)[1], reply.status, reply.type)
    check("POST" in (ask("GET", "/v1/traces", b"", None).header("Allow") or ""))


@row("H-10")
def http_bad_data():
    whole = spans().SerializeToString()
    for reply in (
        post("traces", whole[:-3]), ask("POST", "/v1/traces", b'{"resourceSpans":3}', JSON),
        post("traces", gzip.compress(whole)[:-9], Content_Encoding="gzip"),
    ):
        check(reply.status == 400, reply.status)
        check(any("google.rpc.BadRequest" in detail for detail in status(reply)[2]), status(reply))


@row("H-12")
def http_reply_size():
    reply = post("traces", field(1, field(2, field(2, b"") * 50_000)))
    found = traces.ExportTraceServiceResponse.FromString(reply.body).partial_success
    check(found.rejected_spans == 50_000 and len(reply.body) < 4 << 20)


@row("H-15")
def http_codings():
    import zlib

    body = one_log()[0].SerializeToString()
    check(post("logs", zlib.compress(body), Content_Encoding="deflate").status == 200)
    check(post("logs", body, Content_Encoding="identity").status == 200)


@row("H-16")
def http_framing():
    body = spans().SerializeToString()
    kept = http.client.HTTPConnection("127.0.0.1", HTTP, timeout=10)
    kept.connect()
    first = kept.sock
    for _ in range(3):
        kept.request("POST", "/v1/traces", body, {"Content-Type": PROTOBUF})
        check(Reply(kept.getresponse()).status == 200 and kept.sock is first, "not kept alive")
    kept.request("POST", "/v1/traces", iter([body[:5], body[5:]]), {"Content-Type": PROTOBUF}, encode_chunked=True)
    check(Reply(kept.getresponse()).status == 200, "chunked")
    kept.close()
    with socket.create_connection(("127.0.0.1", HTTP), timeout=10) as peer:
        peer.sendall(
            f"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nContent-Length: {len(body)}\r\n"
            "Expect: 100-continue\r\n\r\n".encode())
        check(peer.recv(100).startswith(b"HTTP/1.1 100 "))
        peer.sendall(body)
        check(peer.recv(1000).startswith(b"HTTP/1.1 200 "))


@row("H-17", "H-27")
def any_port():
    stream = Stream2(HTTP)
    opened = stream.headers("/v1/traces", kind=PROTOBUF)
    stream.data(opened, spans().SerializeToString())
    check(stream.answer(opened)[0][":status"] == "200", "HTTP/2 on the HTTP port")
    stream.close()
    check(post("traces", spans(), port=GRPC).status == 200, "HTTP/1.1 on the gRPC port")
    other = grpc.insecure_channel(f"127.0.0.1:{HTTP}")
    check(export("traces", spans(), on=other).code == 0, "gRPC on the HTTP port")
    other.close()


@row("H-18")
def cors():
    # The relay under test allows https://*.example.org.
    reply = ask(
        "OPTIONS", "/v1/traces", b"", None, Origin="https://shop.example.org", Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="content-type,x-token")
    check(reply.status in (200, 204), reply.status)
    check(reply.header("Access-Control-Allow-Origin") == "https://shop.example.org")
    check("POST" in reply.header("Access-Control-Allow-Methods"))
    check("content-type" in reply.header("Access-Control-Allow-Headers").lower())
    check(reply.header("Access-Control-Max-Age") == "600" and "origin" in reply.header("Vary").lower())
    reply = post("traces", spans(), Origin="https://shop.example.org")
    check(reply.status == 200 and reply.header("Access-Control-Allow-Origin") == "https://shop.example.org")
    for origin in ("https://example.com", "https://shop.example.org.evil.net"):
        check(ask("OPTIONS", "/v1/traces", b"", None, Origin=origin, Access_Control_Request_Method="POST")
              .header("Access-Control-Allow-Origin") is None, origin)


@row("HTTP-1")
def smuggling():
    start = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
    for name, request in {
        "two lengths": start + "Content-Length: 0\r\nContent-Length: 1\r\n\r\n",
        "length with chunked": start + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "folded": start + "X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        "bare LF": start.replace("\r\n", "\n") + "Content-Length: 0\n\n",
        "space before the colon": start + "Content-Length : 0\r\n\r\n",
        "no host": start.replace("Host: x\r\n", "") + "Content-Length: 0\r\n\r\n",
    }.items():
        got = raw(request.encode() + b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
        check(got.startswith(b"HTTP/1.1 400 ") and got.count(b"HTTP/1.1") == 1, name, got[:80])


@row("HTTP-2")
def head_limits():
    check(raw(b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 414 "))
    check(raw(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n").startswith(b"HTTP/1.1 431 "))


@row("HTTP-3")
def pipelining():
    body = spans().SerializeToString()
    request = (f"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nContent-Length: {len(body)}\r\n\r\n"
               .encode() + body)
    with socket.create_connection(("127.0.0.1", HTTP), timeout=10) as peer:
        peer.sendall(request * 50)
        got = b""
        while got.count(b"HTTP/1.1 200 ") < 50:
            piece = peer.recv(65536)
            check(piece, "closed after", got.count(b"HTTP/1.1 200 "))
            got += piece


@row("HTTP-4")
def slow_senders():
    # receivers.limits of the relay under test: a second for the head, two for a body.
    got = raw(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\n")
    check(got.startswith(b"HTTP/1.1 408 "), "a head that does not end:", got[:60])
    got = raw(f"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nContent-Length: 99\r\n\r\nab".encode())
    check(got.startswith(b"HTTP/1.1 408 "), "a body that does not end:", got[:60])
    stream = Stream2()
    opened = stream.headers(EXPORT)
    stream.data(opened, b"\0\0\0\0", end=False)
    stream.until(lambda event: isinstance(event, (h2.events.StreamReset, h2.events.StreamEnded)))
    stream.close()


# OTLP/JSON

TRACE = "5b8efff798038103d269b633813fc6%02x"
made = 0


def json_span(**fields):
    global made
    made += 1
    span = {"traceId": TRACE % made, "spanId": "eee19b7ec3c1b174", "name": "x", "kind": 2,
            "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": "1544712661000000000"}
    span.update(fields)
    return span


def send_json(*found):
    return post_json("traces", {"resourceSpans": [{"scopeSpans": [{"spans": list(found)}]}]})


def taken(*found):
    reply = send_json(*found)
    check(reply.status == 200 and reply.body == b"{}", reply.status, reply.body)


@row("J-1")
def json_hex():
    for change in (str.upper, str.lower):
        span = json_span(parentSpanId="eee19b7ec3c1b173")
        identity = span["traceId"]
        span.update(traceId=change(identity), spanId=change(span["spanId"]))
        taken(span)
        deadline = time.monotonic() + 10
        while True:
            with urllib.request.urlopen(f"http://127.0.0.1:{API}/api/v1/traces/{identity}") as answer:
                text = answer.read().decode()
            if "eee19b7ec3c1b174" in text or time.monotonic() > deadline:
                break
        check(identity in text and "eee19b7ec3c1b174" in text, text[:200])
    check(send_json(json_span(traceId=base64.b64encode(bytes(range(16))).decode())).status == 400, "base64 is no hex")


@row("J-2", "J-3", "J-4")
def json_names():
    taken(json_span(kind="SPAN_KIND_SERVER", status={"code": "STATUS_CODE_ERROR"}))
    taken(json_span(foo={"bar": [1, {"a": None}]}))
    span = json_span()
    span["start_time_unix_nano"] = span.pop("startTimeUnixNano")
    check(send_json(span).status == 200)


@row("J-5", "J-6")
def json_numbers():
    taken(json_span(startTimeUnixNano=1544712660000000000, kind="2", droppedAttributesCount="3", links=None))
    values = [{"intValue": 5}, {"intValue": "5"}, {"doubleValue": "NaN"}, {"doubleValue": "-Infinity"}, {"doubleValue": 1},
              {"bytesValue": "AAE="}, {"boolValue": True}]
    taken(json_span(attributes=[{"key": f"k{position}", "value": value} for position, value in enumerate(values)]))
    check(send_json(json_span(startTimeUnixNano="soon")).status == 400)


@row("J-7")
def json_values():
    nested = {"kvlistValue": {"values": [{"key": "k", "value": {"arrayValue": {"values": [{}, {"stringValue": ""}]}}}]}}
    taken(json_span(attributes=[{"key": "a", "value": nested}, {"key": "b", "value": {}}]))


@row("J-8")
def json_short_ids():
    reply = send_json(json_span(), json_span(traceId="5b8efff798038103d269b633813fc6c"), json_span(spanId=""))
    check(json.loads(reply.body)["partialSuccess"]["rejectedSpans"] == "2", reply.body)


# Validity


@row("V-3", "V-4", "V-5", "V-6", "V-7", "V-8")
def valid_all_the_same():
    request = spans(1, parent_span_id=bytes(8))
    new_span(request, name="")
    new_span(request, start_time_unix_nano=9, end_time_unix_nano=3)
    new_span(request, kind=0)
    odd = new_span(request)
    for key in ("twice", "twice"):
        odd.attributes.add(key=key).value.int_value = 1
    odd.attributes.add(key="empty")
    odd.attributes.add(key="bytes").value.bytes_value = b"\xff"
    mixed = odd.attributes.add(key="mixed").value.array_value.values
    mixed.add().int_value = 1
    mixed.add().kvlist_value.values.add(key="k").value.string_value = "v"
    check(export("traces", request).body == b"")


@row("V-9")
def dictionary_indexes():
    # AnyValue.string_value_strindex is field 8, KeyValue.key_strindex field 3: for profiles only.
    value = field(1, b"key") + field(2, b"\x40\x05") + b"\x18\x07"
    span = new_span(traces.ExportTraceServiceRequest()).SerializeToString() + field(9, value)
    found = partial(export("traces", field(1, field(2, field(2, span)))))
    check(found.rejected_spans == 0, found)


@row("V-10")
def logs_without_trace():
    request, record = one_log()
    record.trace_id, record.span_id = b"short", b"x"
    record.time_unix_nano, record.observed_time_unix_nano = 0, 5
    check(export("logs", request).body == b"")


@row("V-13")
def bad_links():
    request = spans()
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.links.add(trace_id=bytes(16), span_id=b"12345678")
    span.links.add(trace_id=os.urandom(16), span_id=b"12345678")
    check(export("traces", request).body == b"")


# gRPC on the wire


@row("R-2")
def grpc_content_types():
    message = spans().SerializeToString()
    check(once(EXPORT, message, kind="application/grpc+proto")[0]["grpc-status"] == "0")
    fields, _ = once(EXPORT, message, kind="text/plain")
    check(fields[":status"] == "415", fields)


@row("R-3")
def split_frames():
    check(once(EXPORT, spans().SerializeToString(), pieces=1)[0]["grpc-status"] == "0")


@row("R-4")
def trailers():
    fields, _ = once(EXPORT, b"\xff\xff")
    check(fields[":status"] == "200" and fields["content-type"].startswith("application/grpc"), fields)
    check(fields["grpc-status"] == "3" and fields["grpc-message"], fields)
    details = fields["grpc-status-details-bin"]
    check(b"google.rpc.BadRequest" in base64.b64decode(details + "=" * (-len(details) % 4)), details)


@row("R-5")
def encodings():
    message = spans().SerializeToString()
    packed = gzip.compress(message)
    check(once(EXPORT, packed, [("grpc-encoding", "gzip")], flag=1)[0]["grpc-status"] == "0")
    check(once(EXPORT, message, [("grpc-encoding", "gzip")], flag=0)[0]["grpc-status"] == "0")
    check(once(EXPORT, packed, flag=1)[0]["grpc-status"] == "13")
    fields, _ = once(EXPORT, packed, [("grpc-encoding", "lzma")], flag=1)
    check(fields["grpc-status"] == "12" and "gzip" in fields["grpc-accept-encoding"], fields)


@row("R-8")
def codes():
    found = {export("traces", b"\xff").code, call("/no/thing", b"").code, export("traces", b"").code}
    check(found == {3, 12, 0}, found)


@row("R-13")
def header_list():
    check(once(EXPORT, spans().SerializeToString(), [("x-trace-bin", "AAE"), ("x-a", "1"), ("x-a", "2")])[0]["grpc-status"] == "0")
    stream = Stream2()
    opened = stream.headers(EXPORT, [("x-large", "a" * 200) for _ in range(400)], end=True)
    ended = stream.until(
        lambda event: isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated))
        or isinstance(event, h2.events.ResponseReceived) and dict(event.headers)[":status"] in ("431", "200"))
    check(ended, opened)
    stream.close()
    check(export("traces", spans()).code == 0, "the next client")


@row("R-14")
def pings():
    stream = Stream2()
    for position in range(20):
        stream.h2.ping(struct.pack(">Q", position))
        stream.flush()
        stream.until(lambda event: isinstance(event, h2.events.PingAckReceived) and event.ping_data == struct.pack(">Q", position))
    check(stream.unary(EXPORT, spans().SerializeToString())[0]["grpc-status"] == "0")
    stream.close()


@row("R-15")
def settings():
    stream = Stream2()
    stream.until(lambda event: isinstance(event, h2.events.RemoteSettingsChanged))
    remote = stream.h2.remote_settings
    check(remote.initial_window_size > 65_535 and remote.max_concurrent_streams >= 100, remote.initial_window_size)
    stream.close()


# Health

HEALTH = "/grpc.health.v1.Health"


def serving(answer):
    check(answer.code == 0, answer.code, answer.message)
    return answer.body


@row("Health-Check")
def health_check():
    for service in ("", *SERVICE.values()):
        check(serving(call(f"{HEALTH}/Check", field(1, service.encode()) if service else b"")) == b"\x08\x01", service)
    check(call(f"{HEALTH}/Check", field(1, b"nobody")).code == 5)


@row("Health-List")
def health_list():
    body = serving(call(f"{HEALTH}/List", b""))
    for service in ("", *SERVICE.values()):
        entry = (field(1, service.encode()) if service else b"") + field(2, b"\x08\x01")
        check(field(1, entry) in body or field(1, b"\x0a\x00" + field(2, b"\x08\x01")) in body, service, body)


def watch(service):
    method = channel.unary_stream(f"{HEALTH}/Watch", lambda raw: raw, lambda raw: raw)
    return method(field(1, service.encode()) if service else b"")


@row("Health-Watch")
def health_watch():
    unknown = watch("nobody")
    check(next(unknown) == b"\x08\x03")
    unknown.cancel()
    known = watch(SERVICE["logs"])
    check(next(known) == b"\x08\x01")
    known.cancel()


@row("R-11", "Health-Shutdown")
def shutdown():
    """The last one: it ends the relay."""
    idle = Stream2()
    idle.read()
    watched = watch("")
    check(next(watched) == b"\x08\x01")
    os.kill(PID, signal.SIGTERM)
    idle.until(lambda event: isinstance(event, h2.events.ConnectionTerminated))
    try:
        check(next(watched) == b"\x08\x02", "a watcher is told that it ends")
    except grpc.RpcError as error:
        raise AssertionError(f"a watcher is told that it ends, not {error.code()}") from error


for ids, function in rows:
    try:
        function()
        outcome, why = "held", ""
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)
        mine = [frame for frame in place if frame.filename == __file__][:2]
        outcome = "failed"
        why = f"{function.__name__} line {mine[-1].lineno if mine else '?'}: {type(error).__name__} {error}"
        plain.close()
    for identity in ids:
        print(identity, outcome, " ".join(why.split()), sep="\t", flush=True)
