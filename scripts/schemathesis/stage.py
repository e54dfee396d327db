"""Something to ask about: a room with somebody in it, tracks, somebody who waits, dead letters.

What calls take away is put back before the next call that needs it.
"""

import base64
import json
import os
import secrets
import socket
import struct
import urllib.error
import urllib.request

ROOM, LOBBY, SINK = "stage", "stage-lobby", "sink"
PATIENCE = 20


class WebSocket:
    """The smallest client that can join (RFC 6455)."""

    def __init__(self, host, token):
        name, port = host.split(":")
        self.stream = socket.create_connection((name, int(port)), PATIENCE)
        key = base64.b64encode(os.urandom(16)).decode()
        self.stream.sendall(
            (
                f"GET /v1/ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Protocol: oriel.v1\r\n\r\n"
            ).encode()
        )
        self.reader = self.stream.makefile("rb")
        while self.reader.readline() not in (b"\r\n", b""):
            pass
        self.reply = self.ask({"id": 1, "type": "join", "token": token})

    def ask(self, request):
        text, mask = json.dumps(request).encode(), os.urandom(4)
        length = struct.pack("!BBH", 0x81, 0x80 | 126, len(text))
        self.stream.sendall(length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(text)))
        while True:
            frame = self.read()
            if frame.get("re") == request["id"]:
                return frame

    def read(self):
        first, length = self.reader.read(2)
        length &= 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self.reader.read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.reader.read(8))
        payload = self.reader.read(length)
        return json.loads(payload) if first & 0xF == 1 else {}

    def close(self):
        self.stream.close()


class Stage:
    def __init__(self, url, token, service_token):
        self.url, self.token, self.service_token = url, token, service_token
        self.host = url.removeprefix("http://")
        self.sockets = {}

    def call(self, method, path, body=None, headers=None):
        """The status and what came; None for nothing."""
        data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                status, content = response.status, response.read()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read()
        kind = content[:1]
        return status, json.loads(content) if kind in (b"{", b"[") else None

    def room(self, name=ROOM):
        status, _ = self.call("GET", f"/v1/rooms/{name}")
        if status == 404:
            self.call("POST", "/v1/rooms", {"name": name, "lobby": name == LOBBY})
        elif name == LOBBY:
            self.call("PATCH", f"/v1/rooms/{name}", {"lobby": True, "locked": False, "password": ""})
        else:
            self.call("PATCH", f"/v1/rooms/{name}", {"lobby": False, "locked": False, "password": ""})
        return name

    def join(self, room):
        """Somebody new: whoever was removed is barred."""
        self.room(room)
        identity = f"guest-{secrets.token_hex(4)}"
        _, made = self.call("POST", f"/v1/rooms/{room}/tokens", {"identity": identity})
        old = self.sockets.pop(room, None)
        if old:
            old.close()
        self.sockets[room] = WebSocket(self.host, made["token"])
        return identity, self.sockets[room].reply

    def participant(self):
        _, found = self.call("GET", f"/v1/rooms/{ROOM}/participants")
        for one in (found or {}).get("participants", []):
            if not one["tracks"] and one["identity"].startswith("guest-"):
                return one["identity"]
        return self.join(ROOM)[0]

    def track(self):
        _, found = self.call("GET", f"/v1/rooms/{ROOM}/tracks")
        tracks = (found or {}).get("tracks", [])
        if not tracks:
            self.room()
            headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {self.service_token}"}
            self.call("POST", f"/whip/{ROOM}/cam-{secrets.token_hex(4)}", OFFER, headers)
            _, found = self.call("GET", f"/v1/rooms/{ROOM}/tracks")
            tracks = found["tracks"]
        return tracks[0]["track"]["id"]

    def waiting(self):
        _, found = self.call("GET", f"/v1/rooms/{LOBBY}/lobby")
        waiting = (found or {}).get("waiting", [])
        if waiting:
            return waiting[0]["id"]
        return self.join(LOBBY)[1]["ok"]["waiting"]

    def letter(self):
        _, found = self.call("GET", f"/v1/webhooks/{SINK}/dead-letters?limit=1")
        letters = found["letters"]
        if not letters:
            self.call("DELETE", f"/v1/rooms/{ROOM}")
            self.room()
            return 1
        return letters[0]["number"]

    def fill(self, parameters):
        """What stands in a path, as it is there now."""
        filled = {}
        for name in parameters:
            match name:
                case "room":
                    filled[name] = self.room(LOBBY if "waiting" in parameters else ROOM)
                case "participant":
                    filled[name] = self.participant()
                case "track":
                    filled[name] = self.track()
                case "waiting":
                    filled[name] = self.waiting()
                case "endpoint":
                    filled[name] = SINK
                case "letter":
                    filled[name] = self.letter()
        return filled


_TRANSPORT = (
    "c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
    f"a=fingerprint:sha-256 {':'.join(['AB'] * 32)}\r\na=setup:actpass\r\na=rtcp-mux\r\na=sendonly\r\n"
)
OFFER = (
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
    f"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{_TRANSPORT}a=mid:0\r\na=rtpmap:111 opus/48000/2\r\n"
    f"m=video 9 UDP/TLS/RTP/SAVPF 96\r\n{_TRANSPORT}a=mid:1\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\n"
)
