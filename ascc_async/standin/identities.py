"""Who asks: the door they came through, and the account their login cookies name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

LOGIN_COOKIES = ("SAPISID", "__Secure-3PAPISID", "__Secure-1PAPISID")


@dataclass(frozen=True, slots=True)
class Door:
    """A way in, as one client uses it. `address` is the public address media links are bound to."""

    name: str
    address: str

    @classmethod
    def named(cls, name: str) -> Door:
        """A door whose address follows from its name."""
        digest = blake2b(name.encode(), digest_size=2).digest()
        return cls(name, f"203.0.{113 + digest[0] % 3}.{1 + digest[1] % 250}")


@dataclass(frozen=True, slots=True)
class Identity:
    """`name` is the account where signed in, the door else: hidden limits are kept by it."""

    door: Door
    account: str | None

    @property
    def name(self) -> str:
        """What limits and faults know this client by."""
        return self.account or self.door.name

    @property
    def signed_in(self) -> bool:
        """Whether YouTube takes the client's cookies as signed in."""
        return self.account is not None


def account_of(cookies: Mapping[str, str]) -> str | None:
    """The account that these cookies are signed in to, or None."""
    if "LOGIN_INFO" not in cookies:
        return None
    for name in LOGIN_COOKIES:
        if value := cookies.get(name):
            return "account-" + blake2b(value.encode(), digest_size=3).hexdigest()
    return None
