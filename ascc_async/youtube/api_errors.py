"""What the Data API's errors mean: for the key, for the pace, or for nobody here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ascc_async.youtube.client import json_object
from ascc_async.youtube.exchange import Answer

Fate = Literal["used_up", "slow_down", "drop", "fault", "our_request"]

# Google's documented reasons, the older `errors[].reason` and the newer `details[].reason`.
REASONS: Mapping[str, Fate] = {
    "quotaExceeded": "used_up",
    "dailyLimitExceeded": "used_up",
    "dailyLimitExceededUnreg": "used_up",
    "rateLimitExceeded": "slow_down",
    "userRateLimitExceeded": "slow_down",
    "userRateLimitExceededUnreg": "slow_down",
    "concurrentLimitExceeded": "slow_down",
    "servingLimitExceeded": "slow_down",
    "RATE_LIMIT_EXCEEDED": "slow_down",
    "keyInvalid": "drop",
    "keyExpired": "drop",
    "accessNotConfigured": "drop",
    "accessSuspended": "drop",
    "billingNotEnabled": "drop",
    "ipRefererBlocked": "drop",
    "httpRefererBlocked": "drop",
    "forbidden": "drop",
    "insufficientPermissions": "drop",
    "required": "drop",
    "authError": "drop",
    "API_KEY_INVALID": "drop",
    "API_KEY_EXPIRED": "drop",
    "API_KEY_SERVICE_BLOCKED": "drop",
    "API_KEY_HTTP_REFERRER_BLOCKED": "drop",
    "API_KEY_IP_ADDRESS_BLOCKED": "drop",
    "API_KEY_ANDROID_APP_BLOCKED": "drop",
    "API_KEY_IOS_APP_BLOCKED": "drop",
    "SERVICE_DISABLED": "drop",
    "CONSUMER_SUSPENDED": "drop",
    "CONSUMER_INVALID": "drop",
    "BILLING_DISABLED": "drop",
    "backendError": "fault",
    "internalError": "fault",
    "backendNotConnected": "fault",
    "serviceUnavailable": "fault",
    "processingFailure": "fault",
    "transient": "fault",
}


@dataclass(frozen=True, slots=True)
class ApiError:
    """An error answer. `word` is Google's reason, `words` adds its message; neither names a key."""

    fate: Fate
    word: str
    words: str


def api_error_in(answer: Answer) -> ApiError:
    """Read an error answer. Raises Refused or ServerFault when it is not one of the API's."""
    error = json_object(answer, errors_too=True).get("error")
    details: Mapping[str, Any] = error if isinstance(error, dict) else {}
    reasons = _reasons(details)
    message = details.get("message")
    words = message[:200] if isinstance(message, str) else ""
    known = [REASONS[reason] for reason in reasons if reason in REASONS]
    word = reasons[0] if reasons else str(answer.status)
    return ApiError(
        fate=known[0] if known else _fate_by_status(answer.status, words),
        word=word,
        words=f"{word}: {words}" if words else word,
    )


def _reasons(error: Mapping[str, Any]) -> list[str]:
    """Google's reasons, the newer (which tell more) first."""
    found: list[str] = []
    for name in ("details", "errors"):
        entries = error.get(name)
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("reason"), str):
                found.append(entry["reason"])
    return found


def _fate_by_status(status: int, words: str) -> Fate:
    if status == 429:
        return "slow_down"
    if status >= 500:
        return "fault"
    # A bad request that does not speak of the key would be refused with every key.
    return "our_request" if status in (400, 404) and "key" not in words.lower() else "drop"
