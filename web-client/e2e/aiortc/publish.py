"""Publishes one colour and one tone by WHIP until it is told to end (SIGTERM), then deletes its session.

Prints "publishing" once media can flow.
"""

import argparse
import asyncio
import fractions
import signal
import time

import numpy
from aiortc import MediaStreamTrack, RTCPeerConnection
from av import AudioFrame, VideoFrame

import http_session

FRAMES_PER_SECOND = 15
SAMPLE_RATE = 48_000
SAMPLES = SAMPLE_RATE // 50


class Paced(MediaStreamTrack):
    """A track that gives one frame every so often, by the clock."""

    def __init__(self, interval: float):
        super().__init__()
        self._interval = interval
        self._started = None
        self._count = 0

    async def _next(self) -> int:
        """Waits until the next frame is due and returns its number."""
        number = self._count
        self._count += 1
        if self._started is None:
            self._started = time.monotonic()
        await asyncio.sleep(max(0, self._started + number * self._interval - time.monotonic()))
        return number


class Camera(Paced):
    kind = "video"

    def __init__(self, colour: list[int]):
        super().__init__(1 / FRAMES_PER_SECOND)
        self._picture = numpy.full((180, 320, 3), colour, dtype=numpy.uint8)

    async def recv(self) -> VideoFrame:
        number = await self._next()
        # Something that moves: six cells in the foot count quarters of a second, as the browsers' cameras do.
        tick = int(number * self._interval * 4)
        for cell in range(6):
            self._picture[135:, cell * 320 // 6 : (cell + 1) * 320 // 6] = 255 if tick >> cell & 1 else 0
        frame = VideoFrame.from_ndarray(self._picture, format="rgb24")
        frame.pts = number * 90_000 // FRAMES_PER_SECOND
        frame.time_base = fractions.Fraction(1, 90_000)
        return frame


class Microphone(Paced):
    kind = "audio"

    def __init__(self, tone: float):
        super().__init__(SAMPLES / SAMPLE_RATE)
        self._tone = tone

    async def recv(self) -> AudioFrame:
        number = await self._next()
        moments = (numpy.arange(SAMPLES) + number * SAMPLES) / SAMPLE_RATE
        wave = 0.4 * numpy.sin(2 * numpy.pi * self._tone * moments)
        frame = AudioFrame.from_ndarray((wave * 32_767).astype(numpy.int16).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.pts = number * SAMPLES
        frame.time_base = fractions.Fraction(1, SAMPLE_RATE)
        return frame


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--colour", required=True, help="red,green,blue from 0 to 255")
    parser.add_argument("--tone", required=True, type=float, help="hertz")
    arguments = parser.parse_args()

    end = asyncio.Event()
    connected = asyncio.Event()
    connection = RTCPeerConnection()

    @connection.on("connectionstatechange")
    def changed() -> None:
        if connection.connectionState == "connected":
            connected.set()

    connection.addTransceiver(Microphone(arguments.tone), direction="sendonly")
    connection.addTransceiver(Camera([int(part) for part in arguments.colour.split(",")]), direction="sendonly")
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    session = await http_session.connect(connection, arguments.url, arguments.token)
    try:
        await asyncio.wait_for(connected.wait(), 15)
        print("publishing", flush=True)
        await end.wait()
    finally:
        await http_session.delete(session, arguments.token)
        await connection.close()


asyncio.run(main())
