"""Views by WHEP and prints what it decoded, as JSON: {"colours": [[red, green, blue], …], "tones": [hertz, …]}.

Offers as many audio and video m-lines as it is told to and fails when one of them stays without media.
"""

import argparse
import asyncio
import json

import numpy
from aiortc import MediaStreamTrack, RTCPeerConnection

import http_session

SAMPLE_RATE = 48_000


async def colour(track: MediaStreamTrack, frames: int = 15) -> list[int]:
    """The mean colour of the middle of the last of some decoded frames."""
    for _ in range(frames):
        frame = await track.recv()
    picture = frame.to_ndarray(format="rgb24")
    height, width, _ = picture.shape
    middle = picture[height // 7 : height * 4 // 7, width // 4 : width * 3 // 4]
    return [round(float(value)) for value in middle.mean(axis=(0, 1))]


async def tone(track: MediaStreamTrack, seconds: int = 1) -> float:
    """The loudest frequency of decoded audio, the first half second left out."""
    samples = numpy.empty(0)
    skip = SAMPLE_RATE // 2
    while len(samples) < skip + seconds * SAMPLE_RATE:
        frame = await track.recv()
        if frame.sample_rate != SAMPLE_RATE:
            raise RuntimeError(f"decoded at {frame.sample_rate} Hz, expected {SAMPLE_RATE}")
        channels = len(frame.layout.channels)
        samples = numpy.append(samples, frame.to_ndarray().reshape(-1, channels)[:, 0])
    samples = samples[skip:]
    spectrum = numpy.abs(numpy.fft.rfft(samples * numpy.hanning(len(samples))))
    return float(numpy.argmax(spectrum) * SAMPLE_RATE / len(samples))


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--audios", type=int, default=1)
    parser.add_argument("--videos", type=int, default=1)
    arguments = parser.parse_args()

    connection = RTCPeerConnection()
    readers = {"audio": [], "video": []}

    @connection.on("track")
    def arrived(track: MediaStreamTrack) -> None:
        read = colour if track.kind == "video" else tone
        readers[track.kind].append(asyncio.ensure_future(read(track)))

    for _ in range(arguments.audios):
        connection.addTransceiver("audio", direction="recvonly")
    for _ in range(arguments.videos):
        connection.addTransceiver("video", direction="recvonly")
    session = await http_session.connect(connection, arguments.url, arguments.token)
    try:
        tones = await asyncio.wait_for(asyncio.gather(*readers["audio"]), 20)
        colours = await asyncio.wait_for(asyncio.gather(*readers["video"]), 20)
    finally:
        await http_session.delete(session, arguments.token)
        await connection.close()
    print(json.dumps({"colours": colours, "tones": tones}), flush=True)


asyncio.run(main())
