"""Proxies: HTTP(S) CONNECT and SOCKS5. What they connect to is the stand-in itself.

After the proxy's part is done, the same connection goes on as TLS with the web server's protocol:
no second hop, so that benchmarks measure the client.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import trustme

from ascc_async.standin.world_settings import CA_FILE, ProxyListener

_HOSTS = (
    "youtube.com", "*.youtube.com", "*.youtube-nocookie.com", "youtubei.googleapis.com",
    "www.googleapis.com", "storage.googleapis.com", "raw.githubusercontent.com",
    "*.googlevideo.com", "www.google.com", "accounts.google.com",
)  # fmt: skip
"""Hosts that the stand-in plays; any other is out of reach."""


def make_tls(folder: Path) -> ssl.SSLContext:
    """TLS as the server; authority and certificate are made where the folder has none yet."""
    chain = folder / "standin-server.pem"
    if not chain.exists():
        authority = trustme.CA(organization_name="ascc_async stand-in")
        authority.cert_pem.write_to_path(str(folder / CA_FILE))
        leaf = authority.issue_cert(*_HOSTS, "localhost", "127.0.0.1")
        leaf.private_key_and_cert_chain_pem.write_to_path(str(chain))
        chain.chmod(0o600)  # whoever has the key can play YouTube to our runs
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    context.set_alpn_protocols(["http/1.1"])  # aiohttp serves nothing newer
    return context


Handshake = tuple[str | None, bytes]
"""The name to log the connection under (None: refused), and what the proxy answers last."""


class ProxyServer:
    """Serves one of the settings' proxy listeners.

    `protocol` makes the web server's protocol for each connection, given the name under which the
    request log lists it.
    """

    def __init__(
        self,
        listener: ProxyListener,
        protocol: Callable[[str], asyncio.Protocol],
        tls: ssl.SSLContext,
    ) -> None:
        self._listener, self._protocol, self._tls = listener, protocol, tls
        self._open: dict[asyncio.Transport, asyncio.StreamWriter] = {}

    async def start(self) -> int:
        """Listen on loopback and return the port."""
        tls = self._tls if self._listener.scheme == "https" else None
        server = await asyncio.start_server(
            # On loopback unless somebody asked for more: this is a man in the middle by trade.
            self._serve,
            self._listener.host,
            self._listener.port,
            ssl=tls,
            backlog=1024,
        )
        return int(server.sockets[0].getsockname()[1])

    def cut_all(self) -> None:
        """Cut every connection, as a network that goes away does."""
        for transport in tuple(self._open):
            transport.abort()
        self._open.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        shake_hands = self._socks if self._listener.scheme == "socks5" else self._connect
        try:
            async with asyncio.timeout(30):
                name, answer = await shake_hands(reader, writer)
                writer.write(answer)
                if name is None:
                    writer.close()
                    return
                await writer.drain()
                if self._listener.host != "127.0.0.1":
                    name = str(writer.get_extra_info("peername")[0])
                protocol = self._protocol(name)
                transport = await asyncio.get_running_loop().start_tls(
                    writer.transport, protocol, self._tls, server_side=True
                )
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            # A client that does not speak the protocol, or is gone.
            writer.transport.abort()
            return
        if transport is None or transport.is_closing():
            return
        self._open = {held: old for held, old in self._open.items() if not held.is_closing()}
        self._open[transport] = writer  # a writer that is forgotten closes its transport
        protocol.connection_made(transport)  # what came in meanwhile it has kept

    async def _connect(self, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> Handshake:
        """The handshake of an HTTP proxy."""
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, *_rest = head.decode("latin-1").split(" ")
        login = re.search(rb"(?i)^proxy-authorization: *basic +(\S+)", head, re.MULTILINE)
        name = self._name_for(base64.b64decode(login[1]) if login else b"")
        host, _colon, port = target.rpartition(":")
        if name is None:
            answer = b'407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"'
        elif method != "CONNECT" or port != "443" or not _is_played(host):
            name, answer = None, b"502 Bad Gateway"
        else:
            return name, b"HTTP/1.1 200 Connection established\r\n\r\n"
        return None, b"HTTP/1.1 " + answer + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Handshake:
        """The handshake of RFC 1928, with user and password as of RFC 1929."""

        async def read_field() -> bytes:
            length = (await reader.readexactly(1))[0]
            return await reader.readexactly(length)

        version, methods = await reader.readexactly(2)
        with_password = 2 in await reader.readexactly(methods)
        if version != 5:
            raise ValueError("not SOCKS5")
        login = b""
        if with_password:
            writer.write(b"\x05\x02")
            await reader.readexactly(1)
            login = await read_field() + b":" + await read_field()
        name = self._name_for(login)
        if name is None:
            return None, b"\x01\x01" if with_password else b"\x05\xff"
        writer.write(b"\x01\x00" if with_password else b"\x05\x00")
        address_type = (await reader.readexactly(4))[3]
        if address_type != 3:  # an address in place of a name: nothing that is played here
            return None, b"\x05\x08\x00\x01" + bytes(6)
        host, port = (await read_field()).decode(), await reader.readexactly(2)
        if int.from_bytes(port, "big") != 443 or not _is_played(host):
            return None, b"\x05\x04\x00\x01" + bytes(6)
        return name, b"\x05\x00\x00\x01" + bytes(6)

    def _name_for(self, login: bytes) -> str | None:
        """The listener's name for the right `user:password`; without one any user is a name."""
        listener = self._listener
        if listener.user is None:
            return login.partition(b":")[0].decode() or listener.name
        # Clients differ in how they encode a password.
        right = f"{listener.user}:{listener.password}"
        return listener.name if login in (right.encode(), right.encode("latin-1")) else None


def _is_played(host: str) -> bool:
    return any(fnmatch(host.lower(), pattern) for pattern in _HOSTS)
