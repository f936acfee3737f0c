"""Abuses a running relay, one way after the other, and looks whether it is well after each.

abuse.py GRPC_PORT HTTP_PORT PID: prints a line for each abuse: its name, "held" or "failed", and why. Held is: what the RFC
demands came or the connection was closed, the process lives, its memory has not grown beyond a bound, and the next client is
served.
"""

import http.client
import os
import socket
import ssl
import struct
import sys
import time
import traceback

GRPC, HTTP, PID = (int(word) for word in sys.argv[1:4])
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED = 1, 4, 8
GROWTH = 96 << 20
cases = []


def abuse(function):
    cases.append(function)
    return function


def check(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(part) for part in what) or "not so")


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A header field without indexing or Huffman codes (RFC 7541, 6.2.2)."""

    def text(data):
        if len(data) < 127:
            return bytes([len(data)]) + data
        rest, coded = len(data) - 127, bytes([127])
        while rest >= 128:
            coded += bytes([rest & 127 | 128])
            rest >>= 7
        return coded + bytes([rest]) + data

    return b"\0" + text(name) + text(value)


def fields(*more, path=b"/v1/traces"):
    block = literal(b":method", b"POST") + literal(b":scheme", b"http") + literal(b":path", path)
    block += literal(b":authority", b"x") + literal(b"content-type", b"application/x-protobuf")
    return block + b"".join(literal(name, value) for name, value in more)


class Peer:
    """A connection that may write anything."""

    def __init__(self, port=GRPC, preface=True):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.got = b""
        if preface:
            self.send(PREFACE + frame(SETTINGS, 0, 0))

    def send(self, *parts):
        """False if the relay has closed."""
        try:
            self.socket.sendall(b"".join(parts))
            return True
        except OSError:
            return False

    def frames(self):
        position, found = 0, []
        while position + 9 <= len(self.got):
            length = int.from_bytes(self.got[position:position + 3], "big")
            if position + 9 + length > len(self.got):
                break
            kind, flags = self.got[position + 3], self.got[position + 4]
            stream = int.from_bytes(self.got[position + 5:position + 9], "big")
            found.append((kind, flags, stream, self.got[position + 9:position + 9 + length]))
            position += 9 + length
        return found

    def until(self, wanted, seconds=10):
        """The first frame that is wanted; None if the relay closes before."""
        deadline = time.monotonic() + seconds
        while True:
            for found in self.frames():
                if wanted(found):
                    return found
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                piece = self.socket.recv(1 << 20)
            except (ConnectionError, TimeoutError) as error:
                if isinstance(error, TimeoutError):
                    raise AssertionError(f"neither answered nor closed; came {[found[0] for found in self.frames()]}") from error
                return None
            if not piece:
                return None
            self.got += piece

    def ends(self, *codes):
        """The connection ends, by GOAWAY with one of these codes if it says anything."""
        found = self.until(lambda frame: frame[0] == GOAWAY and frame[3][4:8] != b"\0\0\0\0")
        if found and codes:
            code = int.from_bytes(found[3][4:8], "big")
            check(code in codes, "GOAWAY with", code)
        self.close()

    def resets(self, stream, *codes):
        """The stream is reset or answered with an error, or the connection ends."""
        found = self.until(lambda frame: frame[2] == stream and frame[0] in (RST, HEADERS) or frame[0] == GOAWAY)
        if found and found[0] == RST and codes:
            code = int.from_bytes(found[3], "big")
            check(code in codes, "RST_STREAM with", code)
        self.close()

    def close(self):
        self.socket.close()


PROTOCOL, FLOW, CLOSED, SIZE, REFUSED, CANCEL, COMPRESSION, CALM = 1, 3, 5, 6, 7, 8, 9, 11


# Windows


@abuse
def window_of_zero():
    peer = Peer()
    peer.send(frame(WINDOW, 0, 0, bytes(4)))
    peer.ends(PROTOCOL)


@abuse
def window_overflow():
    peer = Peer()
    peer.send(frame(WINDOW, 0, 0, struct.pack(">I", 0x7FFFFFFF)) * 2)
    peer.ends(FLOW)


@abuse
def window_of_idle_stream():
    peer = Peer()
    peer.send(frame(WINDOW, 0, 7, struct.pack(">I", 1)))
    peer.ends(PROTOCOL)


@abuse
def settings_window_too_large():
    peer = Peer()
    peer.send(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0x80000000)))
    peer.ends(FLOW)


# Floods


@abuse
def continuation_flood():
    peer = Peer()
    peer.send(frame(HEADERS, 0, 1, fields()))
    for _ in range(100_000):
        if not peer.send(frame(CONTINUATION, 0, 1, literal(b"a", b"b" * 100)) * 10):
            break
    peer.ends()


@abuse
def empty_continuation_flood():
    peer = Peer()
    peer.send(frame(HEADERS, 0, 1, fields()))
    for _ in range(1_000):
        if not peer.send(frame(CONTINUATION, 0, 1) * 1_000):
            break
    peer.ends()


@abuse
def continuation_interleaved():
    peer = Peer()
    peer.send(frame(HEADERS, 0, 1, fields()), frame(PING, 0, 0, bytes(8)))
    peer.ends(PROTOCOL)


@abuse
def rapid_reset():
    peer = Peer()
    for stream in range(1, 200_001, 2):
        if not peer.send(frame(HEADERS, END_HEADERS, stream, fields()), frame(RST, 0, stream, struct.pack(">I", CANCEL))):
            break
    peer.ends()


@abuse
def provoked_resets():
    peer = Peer()
    for stream in range(1, 100_001, 2):
        # A window update of zero is an error of the stream, which the server resets.
        if not peer.send(frame(HEADERS, END_HEADERS, stream, fields()), frame(WINDOW, 0, stream, bytes(4))):
            break
    peer.ends()


@abuse
def ping_flood():
    peer = Peer()
    for _ in range(2_000):
        if not peer.send(frame(PING, 0, 0, bytes(8)) * 1_000):
            break
    peer.ends()


@abuse
def settings_flood():
    peer = Peer()
    for _ in range(2_000):
        if not peer.send(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65_535)) * 1_000):
            break
    peer.ends()


@abuse
def priority_flood():
    peer = Peer()
    for _ in range(200):
        if not peer.send(frame(PRIORITY, 0, 1, struct.pack(">IB", 0, 1)) * 1_000):
            break
    # They cost nothing and may be answered by nothing.
    peer.send(frame(PING, 0, 0, b"12345678"))
    peer.until(lambda found: found[0] in (PING, GOAWAY))
    peer.close()


@abuse
def empty_data_flood():
    peer = Peer()
    peer.send(frame(HEADERS, END_HEADERS, 1, fields()))
    for _ in range(200):
        if not peer.send(frame(DATA, 0, 1) * 1_000):
            break
    peer.send(frame(DATA, END_STREAM, 1))
    peer.until(lambda found: found[2] == 1 and found[0] in (HEADERS, RST) or found[0] == GOAWAY)
    peer.close()


@abuse
def many_streams():
    peer = Peer()
    for stream in range(1, 40_001, 2):
        if not peer.send(frame(HEADERS, END_HEADERS, stream, fields())):
            break
    peer.until(lambda found: found[0] in (RST, GOAWAY))
    peer.close()


# Headers


@abuse
def hpack_bomb():
    peer = Peer()
    # An entry of almost the whole table, named three thousand times.
    block = fields() + b"\x40" + bytes([1]) + b"a" + b"\x7f" + bytes([0x80 | (3_900 - 127) & 127, (3_900 - 127) >> 7]) + b"b" * 3_900
    peer.send(frame(HEADERS, END_HEADERS, 1, block + b"\xbe" * 3_000))
    peer.resets(1)


@abuse
def table_size_updates():
    peer = Peer()
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, fields() + b"\x3f\xff\xff\xff\x7f"))
    peer.ends(COMPRESSION)


@abuse
def broken_huffman():
    peer = Peer()
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, fields() + b"\0\x84\xff\xff\xff\xff\0"))
    peer.ends(COMPRESSION)


@abuse
def oversized_frame():
    peer = Peer()
    peer.send(b"\xff\xff\xff" + bytes([DATA, 0]) + struct.pack(">I", 1))
    peer.ends(SIZE)


@abuse
def oversized_headers():
    peer = Peer()
    peer.send(frame(HEADERS, 0, 1, fields()))
    for _ in range(5):
        peer.send(frame(CONTINUATION, 0, 1, literal(b"x", b"a" * 16_000)))
    peer.send(frame(CONTINUATION, END_HEADERS, 1, literal(b"x", b"y")))
    peer.resets(1)


@abuse
def missing_pseudo_headers():
    peer = Peer()
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, literal(b":method", b"POST")))
    peer.resets(1, PROTOCOL)


@abuse
def upper_case_header():
    peer = Peer()
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, fields((b"X-Loud", b"1"))))
    peer.resets(1, PROTOCOL)


@abuse
def connection_header():
    peer = Peer()
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, fields((b"connection", b"close"))))
    peer.resets(1, PROTOCOL)


@abuse
def wrong_content_length():
    peer = Peer()
    peer.send(frame(HEADERS, END_HEADERS, 1, fields((b"content-length", b"5"))), frame(DATA, END_STREAM, 1, b"123456789"))
    peer.resets(1, PROTOCOL)


# Streams


@abuse
def data_on_stream_zero():
    peer = Peer()
    peer.send(frame(DATA, 0, 0, b"x"))
    peer.ends(PROTOCOL)


@abuse
def even_stream():
    peer = Peer()
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 2, fields()))
    peer.ends(PROTOCOL)


@abuse
def decreasing_streams():
    """The lower one was closed by the higher: it must not be served."""
    peer = Peer()
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 9, fields()), frame(HEADERS, END_HEADERS | END_STREAM, 3, fields()))
    peer.send(frame(PING, 0, 0, b"12345678"))
    peer.until(lambda found: found[0] in (PING, GOAWAY))
    check(not any(found[0] == HEADERS and found[2] == 3 for found in peer.frames()))
    peer.close()


@abuse
def data_after_end():
    peer = Peer()
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, fields()), frame(DATA, 0, 1, b"x") * 3)
    peer.until(lambda found: found[0] in (RST, GOAWAY) or found[0] == HEADERS)
    peer.close()


@abuse
def push_by_client():
    peer = Peer()
    peer.send(frame(PUSH, END_HEADERS, 1, struct.pack(">I", 2) + fields()))
    peer.ends(PROTOCOL)


@abuse
def padding_longer_than_frame():
    peer = Peer()
    peer.send(frame(HEADERS, END_HEADERS, 1, fields()), frame(DATA, PADDED, 1, b"\xff123"))
    peer.ends(PROTOCOL)


@abuse
def padded_and_split():
    """Odd, but right: it is served."""
    peer = Peer()
    peer.send(frame(HEADERS, END_HEADERS, 1, fields()))
    for byte in b"".join(frame(DATA, PADDED, 1, bytes([3]) + bytes(3)) for _ in range(5)) + frame(DATA, END_STREAM, 1):
        peer.send(bytes([byte]))
    found = peer.until(lambda found: found[0] == HEADERS and found[2] == 1)
    check(found and b"200" in found[3] or found and found[3][:1] == b"\x88", "not served:", found)
    peer.close()


# Peers that do not go on


@abuse
def never_reading():
    peer = Peer()
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    peer.send(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0)))
    for stream in range(1, 4_001, 2):
        peer.socket.settimeout(1)
        if not peer.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, fields(path=b"/nothing"))):
            break
    peer.close()


@abuse
def bad_preface():
    peer = Peer(preface=False)
    peer.send(PREFACE[:-3] + b"xxx" + bytes(100))
    peer.until(lambda found: False)
    peer.close()


@abuse
def half_preface():
    # receivers.limits.head_timeout of the relay under test is a second.
    peer = Peer(preface=False)
    peer.send(PREFACE[:10])
    peer.until(lambda found: False)
    peer.close()


@abuse
def slow_header_block():
    peer = Peer()
    peer.send(frame(HEADERS, 0, 1, fields()))
    peer.ends()


@abuse
def tls_on_plain_text():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", GRPC), timeout=10) as plain:
        try:
            context.wrap_socket(plain)
            raise AssertionError("plain text spoke TLS")
        except (ssl.SSLError, ConnectionError):
            pass


@abuse
def garbage():
    for port in (GRPC, HTTP):
        peer = Peer(port, preface=False)
        peer.send(os.urandom(100_000))
        peer.until(lambda found: False)
        peer.close()


@abuse
def unread_pipeline():
    with socket.create_connection(("127.0.0.1", HTTP), timeout=2) as peer:
        request = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
        try:
            for _ in range(100):
                peer.sendall(request * 100)
        except OSError:
            pass


@abuse
def half_bodies():
    peers = [socket.create_connection(("127.0.0.1", HTTP), timeout=10) for _ in range(100)]
    for peer in peers:
        peer.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 2000000\r\n\r\n")
        peer.sendall(bytes(100_000))
    for peer in peers:
        peer.close()


def resident():
    with open(f"/proc/{PID}/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmRSS"))


def is_served():
    for port in (GRPC, HTTP):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/v1/traces", b"", {"Content-Type": "application/x-protobuf"})
        check(connection.getresponse().status == 200, "the next client on", port)
        connection.close()


is_served()
for function in cases:
    before = resident()
    try:
        function()
        is_served()
        grown = resident() - before
        check(grown < GROWTH, "memory grew by", grown)
        outcome, why = "held", ""
    except Exception as error:
        mine = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == __file__]
        outcome, why = "failed", f"line {mine[-1].lineno}: {type(error).__name__} {error}"
    print(function.__name__, outcome, " ".join(why.split()), sep="\t", flush=True)
