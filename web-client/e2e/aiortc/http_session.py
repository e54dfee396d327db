"""The HTTP half of WHIP (RFC 9725) and WHEP: one offer posted, one answer back, one session to delete."""

import asyncio
import urllib.request
from urllib.parse import urljoin

from aiortc import RTCPeerConnection, RTCSessionDescription


async def connect(connection: RTCPeerConnection, url: str, token: str) -> str:
    """Posts the connection's offer, applies the answer and returns the session's URL."""
    await connection.setLocalDescription(await connection.createOffer())
    offer = connection.localDescription.sdp
    status, headers, answer = await asyncio.to_thread(
        _request, "POST", url, token, offer.encode(), {"Content-Type": "application/sdp"}
    )
    if status != 201 or headers.get_content_type() != "application/sdp":
        raise RuntimeError(f"POST {url}: {status} {headers.get_content_type()}, expected 201 application/sdp")
    location = headers.get("Location")
    if location is None:
        raise RuntimeError(f"POST {url}: no Location")
    await connection.setRemoteDescription(RTCSessionDescription(answer.decode(), "answer"))
    return urljoin(url, location)


async def delete(session: str, token: str) -> None:
    """Ends the session at the server."""
    status, _, _ = await asyncio.to_thread(_request, "DELETE", session, token)
    if status not in (200, 204):
        raise RuntimeError(f"DELETE {session}: {status}, expected 200 or 204")


def _request(method, url, token, body=None, headers=None):
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.status, response.headers, response.read()
