"""Proxies on loopback: HTTP(S) CONNECT and SOCKS5. What they connect to is the stand-in itself.

After the proxy's part is done, the same connection goes on as TLS with the web server's protocol:
no second hop, so that benchmarks measure the client.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from ascc_async.standin.certificates import is_played
from ascc_async.standin.identities import Door
from ascc_async.standin.world_settings import ProxyDoor

_LONGEST_HEAD = 65_536


class Refusal(Exception):
    """The proxy says no; `answer` is what it writes before it closes."""

    def __init__(self, answer: bytes) -> None:
        super().__init__(answer[:60])
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Inside:
    """What lies behind the proxy: a web protocol per connection, told which door it came by."""

    protocol: Callable[[], asyncio.Protocol]
    arrived: Callable[[asyncio.Transport, Door], None]
    tls: ssl.SSLContext


class _Waiting(asyncio.Protocol):
    """Holds what comes in between the handshake's end and the web protocol's start."""

    def __init__(self) -> None:
        self.early = bytearray()
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.early += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


class ProxyServer:
    """One door's listener. `start()` then `port`; `close()` ends it and its connections."""

    def __init__(self, door: ProxyDoor, inside: Inside) -> None:
        self._door, self._inside = door, inside
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Transport, asyncio.StreamWriter] = {}
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; port 0 takes a free one."""
        self._server = await asyncio.start_server(
            self._serve,
            "127.0.0.1",
            port,
            ssl=self._inside.tls if self._door.scheme == "https" else None,
            backlog=1024,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            self._server.close()
        self.cut_all()

    def cut_all(self) -> None:
        """Cut every connection, as a network that goes away does."""
        for transport in tuple(self._open):
            transport.abort()
        self._open.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(30):
                door = await self._agree(reader, writer)
                await self._hand_over(writer, door)
        except Refusal as refusal:
            writer.write(refusal.answer)
            writer.close()
        except (OSError, TimeoutError, EOFError, ValueError, ssl.SSLError):
            writer.transport.abort()

    async def _agree(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Door:
        if self._door.scheme == "socks5":
            return await self._agree_socks(reader, writer)
        return await self._agree_http(reader, writer)

    async def _agree_http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Door:
        head = await reader.readuntil(b"\r\n\r\n")
        if len(head) > _LONGEST_HEAD:
            raise Refusal(_http(431, "Request Header Fields Too Large"))
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, *_ = first.split(" ")
        user, password = _basic(lines)
        name = self._name_for(user, password)
        if name is None:
            raise Refusal(
                _http(407, "Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="x"')
            )
        if method != "CONNECT":
            raise Refusal(_http(405, "Method Not Allowed"))
        host, _, port = target.rpartition(":")
        if port != "443" or not is_played(host):
            raise Refusal(_http(502, "Bad Gateway"))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return Door.named(name)

    async def _agree_socks(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Door:
        methods = (await _read_socks(reader, 2))[1]
        offered = await reader.readexactly(methods)
        user = password = None
        if 2 in offered:
            writer.write(b"\x05\x02")
            user = await _short(reader, skip=1)
            password = await _short(reader)
        name = self._name_for(user, password or "")
        if name is None:
            raise Refusal(b"\x01\x01" if 2 in offered else b"\x05\xff")
        writer.write(b"\x01\x00" if 2 in offered else b"\x05\x00")
        host = await _socks_host(reader)
        port = int.from_bytes(await reader.readexactly(2), "big")
        if port != 443 or not is_played(host):
            raise Refusal(b"\x05\x04\x00\x01" + bytes(6))
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        return Door.named(name)

    def _name_for(self, user: str | None, password: str) -> str | None:
        """The door's name; an open door goes by the user's name where one is given."""
        if self._door.user is None:
            return user or self._door.name
        same = hmac.compare_digest(
            f"{user}:{password}".encode(), f"{self._door.user}:{self._door.password}".encode()
        )
        return self._door.name if same else None

    async def _hand_over(self, writer: asyncio.StreamWriter, door: Door) -> None:
        await writer.drain()
        loop, waiting = asyncio.get_running_loop(), _Waiting()
        plain = writer.transport
        plain.set_protocol(waiting)
        transport = await loop.start_tls(plain, waiting, self._inside.tls, server_side=True)
        if transport is None or waiting.lost:
            return
        self._open = {held: old for held, old in self._open.items() if not held.is_closing()}
        self._open[transport] = writer  # a writer that is forgotten closes its transport
        protocol = self._inside.protocol()
        transport.set_protocol(protocol)
        self._inside.arrived(transport, door)
        protocol.connection_made(transport)
        if waiting.early:
            protocol.data_received(bytes(waiting.early))


def _http(status: int, words: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} {words}", *headers, "Content-Length: 0", "Connection: close"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _basic(lines: list[str]) -> tuple[str | None, str]:
    for line in lines:
        key, _, value = line.partition(":")
        if key.lower() == "proxy-authorization":
            user, _, password = _text(base64.b64decode(value.strip()[6:])).partition(":")
            return user or None, password
    return None, ""


def _text(raw: bytes) -> str:
    """Clients do not agree on how a password is encoded."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


async def _read_socks(reader: asyncio.StreamReader, count: int) -> bytes:
    head = await reader.readexactly(count)
    if head[0] != 5:
        raise ValueError("not SOCKS5")
    return head


async def _short(reader: asyncio.StreamReader, *, skip: int = 0) -> str:
    await reader.readexactly(skip)
    length = (await reader.readexactly(1))[0]
    return (await reader.readexactly(length)).decode()


async def _socks_host(reader: asyncio.StreamReader) -> str:
    head = await _read_socks(reader, 4)
    if head[3] == 3:
        return await _short(reader)
    await reader.readexactly(16 if head[3] == 4 else 4)
    return "an address"
