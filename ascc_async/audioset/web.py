"""The way to the servers that hold the metadata: one session, and its errors in our words."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

import aiohttp
import aiohttp_socks
import certifi
from yarl import URL

from ascc_async.errors import NetworkFault, SetupError
from ascc_async.settings import NetworkSettings, without_password

_CONNECT_SECONDS = 15.0


class Web:
    """A session through `network.proxy`, trusting `network.ca_file` besides the system."""

    def __init__(self, network: NetworkSettings) -> None:
        self._proxy = network.proxy
        seconds = network.timeout_seconds
        self._session = aiohttp.ClientSession(
            connector=_connector(network.proxy, _trusted(network.ca_file)),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=min(seconds, _CONNECT_SECONDS), sock_read=seconds
            ),
            # Ranges count the bytes that are sent: they must be those of the file.
            headers={"Accept-Encoding": "identity"},
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    @asynccontextmanager
    async def get(
        self, url: str, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask for a file. Errors, while the answer is read too, are ours."""
        with _our_errors(url, self._proxy):
            proxy, proxy_headers = _http_proxy(self._proxy)
            async with self._session.get(
                url, headers=headers, proxy=proxy, proxy_headers=proxy_headers
            ) as response:
                yield response


@contextmanager
def _our_errors(url: str, proxy: str | None) -> Iterator[None]:
    """Turn what aiohttp raises into `NetworkFault` (try again) or `SetupError` (do something)."""
    through = f" through the proxy {without_password(proxy)}" if proxy else ""
    try:
        yield
    except aiohttp.ClientConnectorCertificateError as error:
        raise SetupError(_untrusted(url)) from error
    except aiohttp.ClientHttpProxyError as error:
        raise _proxy_said(error, through) from error
    except (aiohttp.ClientProxyConnectionError, aiohttp_socks.ProxyConnectionError) as error:
        raise NetworkFault(f"the proxy{through[18:]} does not answer", kind="proxy") from error
    except (aiohttp_socks.ProxyError, aiohttp_socks.ProxyTimeoutError) as error:
        raise NetworkFault(f"no way{through}: {type(error).__name__}", kind="proxy") from error
    except aiohttp.ClientConnectorDNSError as error:
        raise NetworkFault(f"no address known for {URL(url).host}", kind="dns") from error
    except aiohttp.ClientSSLError as error:
        raise SetupError(_untrusted(url)) from error
    except aiohttp.ClientConnectorError as error:
        raise NetworkFault(f"no connection to {URL(url).host}{through}", kind="connect") from error
    except TimeoutError as error:
        raise NetworkFault(f"no answer in time{through}", kind="timeout") from error
    except aiohttp.InvalidURL as error:
        raise SetupError(f"{url} is no address that can be asked") from error
    except aiohttp.ClientPayloadError as error:
        raise NetworkFault("the connection broke off", kind="short_body") from error
    except (aiohttp.ClientError, ConnectionError) as error:
        raise NetworkFault(
            f"the connection failed: {type(error).__name__}", kind="reset"
        ) from error


def _proxy_said(error: aiohttp.ClientHttpProxyError, through: str) -> SetupError | NetworkFault:
    if error.status == 407:
        return SetupError(f"no way{through}: it wants another user and password (network.proxy)")
    return NetworkFault(f"no way{through}: it answers {error.status}", kind="proxy")


def _untrusted(url: str) -> str:
    return (
        f"the certificate of {URL(url).host} is not trusted: if a proxy or company network signs"
        " with an authority of its own, name its PEM file in network.ca_file"
    )


def _trusted(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        # Some Pythons (python.org on macOS) come without the system's authorities.
        context.load_verify_locations(certifi.where())
    if ca_file is None:
        return context
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise SetupError(
            f"network.ca_file: {ca_file} cannot be used as a certificate authority"
            f" ({error.strerror or type(error).__name__}); it must be a PEM file"
        ) from error
    return context


def _http_proxy(proxy: str | None) -> tuple[str | None, dict[str, str] | None]:
    if proxy is None or not proxy.startswith("http"):
        return None, None
    parts = urlsplit(proxy)
    if parts.username is None:
        return without_password(proxy), None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    # aiohttp sends this on as `Proxy-Authorization`.
    return without_password(proxy), {"Authorization": f"Basic {b64encode(pair).decode()}"}


def _connector(proxy: str | None, trust: ssl.SSLContext) -> aiohttp.BaseConnector:
    if proxy is None or proxy.startswith("http"):
        return aiohttp.TCPConnector(ssl=trust)
    parts = urlsplit(proxy)
    return aiohttp_socks.ProxyConnector(
        host=parts.hostname or "",
        port=parts.port or 1080,
        proxy_type=aiohttp_socks.ProxyType.SOCKS5,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or "") if parts.username else None,
        rdns=True,
        ssl=trust,
    )
