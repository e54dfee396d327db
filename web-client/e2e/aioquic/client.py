"""A participant by WebTransport on aioquic: one JSON object a line in, what to send; one a line out, what came.

In:  {"frame": TEXT} on the signaling stream, {"reliable": HEX} an envelope there, {"lossy": HEX} a datagram,
     {"bulk": HEX, "body": HEX} a stream of its own: an envelope, and the bytes; {"close": CODE}.
Out: {"frame": TEXT}, {"reliable": HEX}, {"lossy": HEX}, {"bulk": HEX, "body": HEX}, {"draining": true},
     {"goaway": REQUEST}, {"closed": CODE, "reason": TEXT}; first {"open": true}.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import ssl
import sys
from urllib.parse import urlsplit

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.buffer import Buffer, BufferReadError
from aioquic.h3.connection import H3_ALPN, FrameType, H3Connection, StreamType
from aioquic.h3.events import DatagramReceived, DataReceived, HeadersReceived, WebTransportStreamDataReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StreamDataReceived
from cryptography.hazmat.primitives.serialization import Encoding

# draft-ietf-webtrans-http3 §4.6 and §5.
CLOSE, DRAIN = 0x2843, 0x78AE
# Its control stream, which it opens before all others (RFC 9114 §6.2.1).
FIRST_STREAM_OF_SERVER = 3
# Characters of a line that comes in: a stream of some megabytes.
LONGEST_ORDER = 1 << 24


def say(**what):
    print(json.dumps(what), flush=True)


def framed(body):
    return len(body).to_bytes(4, "big") + body


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.http = H3Connection(self._quic, enable_webtransport=True)
        self.opened = asyncio.get_running_loop().create_future()
        self.ended = asyncio.Event()
        self.session = self.stream = None
        self.signaling = bytearray()
        self.control, self.is_control = bytearray(), False
        self.capsules = b""
        self.bulk = {}

    def open(self, url):
        self.session = self._quic.get_next_available_stream_id()
        head = {":method": "CONNECT", ":scheme": "https", ":authority": url.netloc, ":path": url.path,
                ":protocol": "webtransport"}
        self.http.send_headers(self.session, [(name.encode(), value.encode()) for name, value in head.items()])
        self.transmit()

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            self.ended.set()
        if isinstance(event, StreamDataReceived) and event.stream_id == FIRST_STREAM_OF_SERVER:
            self.control += event.data
            self.read_control()
        # What comes back on a stream that aioquic has opened it takes for HTTP.
        if isinstance(event, StreamDataReceived) and event.stream_id == self.stream:
            self.signaling += event.data
            self.read_frames()
            return
        for event in self.http.handle_event(event):
            if isinstance(event, HeadersReceived) and event.stream_id == self.session:
                self.opened.set_result(dict(event.headers)[b":status"])
            elif isinstance(event, DatagramReceived):
                say(lossy=event.data.hex())
            elif isinstance(event, WebTransportStreamDataReceived):
                self.read_bulk(event)
            elif isinstance(event, DataReceived) and event.stream_id == self.session:
                self.capsules += event.data
                self.read_capsules()

    def read_frames(self):
        while len(self.signaling) >= 4:
            end = 4 + int.from_bytes(self.signaling[:4], "big")
            if len(self.signaling) < end:
                return
            body = bytes(self.signaling[4:end])
            del self.signaling[:end]
            if body.startswith(b"{"):
                say(frame=body.decode())
            else:
                say(reliable=body.hex())

    def read_control(self):
        """Tells of GOAWAY, which aioquic passes over."""
        buffer, whole = Buffer(data=bytes(self.control)), 0
        try:
            if not self.is_control:
                self.is_control = buffer.pull_uint_var() == StreamType.CONTROL
                whole = buffer.tell()
            while self.is_control:
                kind = buffer.pull_uint_var()
                value = buffer.pull_bytes(buffer.pull_uint_var())
                whole = buffer.tell()
                if kind == FrameType.GOAWAY:
                    say(goaway=Buffer(data=value).pull_uint_var())
        except BufferReadError:
            del self.control[:whole]

    def read_bulk(self, event):
        stream = self.bulk.setdefault(event.stream_id, bytearray())
        stream += event.data
        if event.stream_ended:
            end = 4 + int.from_bytes(stream[:4], "big")
            say(bulk=stream[4:end].hex(), body=stream[end:].hex())

    def read_capsules(self):
        # The server's are small, and each comes in a DATA frame of its own.
        buffer = Buffer(data=self.capsules)
        while not buffer.eof():
            kind = buffer.pull_uint_var()
            value = buffer.pull_bytes(buffer.pull_uint_var())
            if kind == DRAIN:
                say(draining=True)
            elif kind == CLOSE:
                say(closed=int.from_bytes(value[:4], "big"), reason=value[4:].decode())
                self.close()
        self.capsules = b""

    def obey(self, order):
        if "frame" in order:
            self._quic.send_stream_data(self.stream, framed(order["frame"].encode()))
        elif "reliable" in order:
            self._quic.send_stream_data(self.stream, framed(bytes.fromhex(order["reliable"])))
        elif "lossy" in order:
            self.http.send_datagram(self.session, bytes.fromhex(order["lossy"]))
        elif "bulk" in order:
            stream = self.http.create_webtransport_stream(self.session, is_unidirectional=True)
            whole = framed(bytes.fromhex(order["bulk"])) + bytes.fromhex(order["body"])
            self._quic.send_stream_data(stream, whole, end_stream=True)
        elif "close" in order:
            capsule = Buffer(capacity=16)
            capsule.push_uint_var(CLOSE)
            capsule.push_uint_var(4)
            capsule.push_uint32(order["close"])
            self.http.send_data(self.session, capsule.data, end_stream=True)
        self.transmit()


async def orders():
    reader = asyncio.StreamReader(limit=LONGEST_ORDER)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)


async def main(url, hashes):
    parts = urlsplit(url)
    # As browsers do with `serverCertificateHashes`: nobody is trusted but who has one of these.
    configuration = QuicConfiguration(
        alpn_protocols=H3_ALPN, max_datagram_frame_size=65536, verify_mode=ssl.CERT_NONE
    )
    async with connect(parts.hostname, parts.port, configuration=configuration, create_protocol=Client) as client:
        certificate = client._quic.tls._peer_certificate.public_bytes(Encoding.DER)
        digest = base64.b64encode(hashlib.sha256(certificate).digest()).decode()
        if digest not in hashes:
            raise SystemExit(f"the certificate's hash is {digest}, not one of {hashes}")
        client.open(parts)
        status = await asyncio.wait_for(client.opened, 10)
        if status != b"200":
            raise SystemExit(f"CONNECT: {status}")
        client.stream = client.http.create_webtransport_stream(client.session)
        say(open=True)

        async def obey():
            async for order in orders():
                client.obey(order)

        tasks = [asyncio.create_task(obey()), asyncio.create_task(client.ended.wait())]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


arguments = argparse.ArgumentParser()
arguments.add_argument("--url", required=True)
arguments.add_argument("--hash", action="append", required=True)
options = arguments.parse_args()
asyncio.run(main(options.url, options.hash))
