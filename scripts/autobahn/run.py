"""Asks the server's WebSocket everything that the Autobahn test suite knows to ask.

`run.py ECHO [CASES]` starts ECHO, which says on its standard output where it listens, and sends back whatever comes;
CASES are the cases to run, with commas between them, as in `6.*,7.1.1`. The exit status is 0 when none has failed.
"""

import binascii
import codecs
import subprocess
import sys


def as_bytes(text):
    """What the suite takes for bytes: `port.py` says why."""
    return text.encode("latin-1") if isinstance(text, str) else text


def as_text(data):
    return data.decode("latin-1") if isinstance(data, bytes) else data


binascii.b2a_hex = lambda data: binascii.hexlify(as_bytes(data)).decode()

# After what they import has been changed.
from autobahn.websocket import protocol, utf8validator  # noqa: E402


class Validator:
    """Autobahn's interface of it. Its own counts bytes one by one, which takes minutes here."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.total = 0

    def validate(self, data):
        data = as_bytes(data)
        try:
            self.decoder.decode(data)
        except UnicodeDecodeError as error:
            return False, False, error.start, self.total + error.start
        self.total += len(data)
        return True, not self.decoder.getstate()[0], len(data), self.total


class Masker:
    """The same for the mask: all bytes as one number."""

    def __init__(self, mask):
        self.mask, self.done = mask, 0

    def pointer(self):
        return self.done

    def reset(self):
        self.done = 0

    def process(self, data):
        size, at = len(data), self.done % 4
        mask = (self.mask * (size // 4 + 2))[at : at + size]
        self.done += size
        return (int.from_bytes(data, "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")


utf8validator.Utf8Validator = protocol.Utf8Validator = Validator
protocol.createXorMasker = lambda mask, _length=None: Masker(mask)

from autobahntestsuite import fuzzing  # noqa: E402
from twisted.internet import reactor  # noqa: E402


class Client(fuzzing.FuzzingClientProtocol):
    """The suite's client between the texts of its cases and the bytes of Autobahn."""

    def onConnect(self, response):
        """Without a line for each of 300 cases."""

    def sendFrame(self, opcode, payload=b"", payload_len=None, **rest):
        payload = as_bytes(payload)
        if payload_len is not None:
            payload = (payload * (payload_len // len(payload) + 1))[:payload_len]
        super().sendFrame(opcode=opcode, payload=payload, **rest)

    def sendMessage(self, payload, *args, **named):
        super().sendMessage(as_bytes(payload), *args, **named)

    def sendMessageFrameData(self, payload, *args, **named):
        return super().sendMessageFrameData(as_bytes(payload), *args, **named)

    def sendCloseFrame(self, code=None, reasonUtf8=None, isReply=False):
        super().sendCloseFrame(code, as_bytes(reasonUtf8), isReply)

    def logRxFrame(self, header, payload):
        super().logRxFrame(header, [as_text(part) for part in payload])

    def logTxFrame(self, header, payload, *rest):
        super().logTxFrame(header, as_text(payload), *rest)

    def onMessage(self, payload, binary):
        super().onMessage(as_text(payload), binary)

    def onPing(self, payload):
        super().onPing(as_text(payload))

    def onPong(self, payload):
        super().onPong(as_text(payload))


class Factory(fuzzing.FuzzingClientFactory):
    """Runs all cases, and keeps what came of each."""

    protocol = Client

    def __init__(self, spec):
        self.results = {}
        super().__init__(spec)

    def buildProtocol(self, address):
        client = Client()
        client.factory, client.caseAgent, client.case = self, self.agent, self.currentCaseIndex
        client.Case = fuzzing.Cases[self.currentCaseIndex - 1]
        client.runCase = client.Case(client)
        return client

    def logCase(self, result):
        self.results[result["id"]] = result

    def createReports(self):
        pass


# What is no failure: legal, if not what the suite's authors like best, or only told.
FINE = {"OK", "NON-STRICT", "INFORMATIONAL"}


def main():
    echo, *cases = sys.argv[1:]
    server = subprocess.Popen([echo], stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().strip()
        spec = {
            "servers": [{"agent": "oriel", "url": url, "protocols": ["oriel.v1"]}],
            "cases": cases[0].split(",") if cases else ["*"],
            # Compression is not offered: it would keep a window for each of many connections.
            "exclude-cases": ["12.*", "13.*"],
        }
        factory = Factory(spec)
        reactor.run()
    finally:
        server.kill()
        server.wait()
    failed = 0
    for case in factory.specCases:
        result = factory.results.get(case)
        behavior = (result["behavior"], result["behaviorClose"]) if result else ("NOT RUN", "")
        if not FINE.issuperset(behavior):
            failed += 1
            print(f"{case}: {' / '.join(behavior)}")
            if result:
                print(f"  {result['description']}\n  {result['result']}\n  {result['resultClose']}")
                print(f"  expected {str(result['expected'])[:300]}\n  received {str(result['received'])[:300]}")
        elif behavior != ("OK", "OK"):
            print(f"{case}: {' / '.join(behavior)}")
    print(f"{len(factory.specCases) - failed} passed, {failed} failed")
    sys.exit(1 if failed or not factory.specCases else 0)


if __name__ == "__main__":
    main()
