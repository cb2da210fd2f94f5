"""Google's field masks: ask for the few fields that are needed, and notice when that fails."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

log = logging.getLogger(__name__)

API = "https://www.youtube.com/youtubei/v1/"
_ALWAYS = frozenset({"responseContext", "trackingParams"})


class Form(StrEnum):
    """How a mask is written. NewPipe uses `$fields` with dots in production."""

    DOTTED = "$fields"
    SLASHED = "fields"
    NONE = "none"


_AND_AFTER = {form: tuple(Form)[place:] for place, form in enumerate(Form)}


class FieldMask:
    """The mask of one endpoint, and the form in which the server takes it.

    A form is given up when the server refuses or ignores it, said once in the log; the next one is
    tried, and in the end none.
    """

    def __init__(self, endpoint: str, paths: Sequence[str]) -> None:
        self.endpoint = endpoint
        self.proven = False
        self._form = Form.DOTTED
        joined = ",".join(paths)
        self._urls = {
            Form.DOTTED: f"{API}{endpoint}?prettyPrint=false&$fields={joined}",
            Form.SLASHED: f"{API}{endpoint}?prettyPrint=false&fields={joined.replace('.', '/')}",
            Form.NONE: f"{API}{endpoint}?prettyPrint=false",
        }
        # Small parts that a server adds to every answer are no sign that it ignores the mask.
        self._expected = {path.partition(".")[0] for path in paths} | _ALWAYS

    @property
    def form(self) -> Form:
        """The form in use."""
        return self._form

    def forms_left(self) -> tuple[Form, ...]:
        """The form in use and those after it, in the order in which they are tried."""
        return _AND_AFTER[self._form]

    def forms_after(self, form: Form) -> tuple[Form, ...]:
        """Those that are tried when this one fails."""
        return _AND_AFTER[form][1:]

    def url(self, form: Form) -> str:
        """The endpoint's address with the mask in this form."""
        return self._urls[form]

    def use(self, form: Form, *, instead_of: Form, why: str) -> None:
        """Go over to another form. Said once: whoever comes later with the same news is silent."""
        if self._form is not instead_of:
            return
        self._form, self.proven = form, False
        log.warning(
            "field mask given up",
            extra={
                "endpoint": self.endpoint,
                "form": instead_of.value,
                "next": form.value,
                "why": why,
            },
        )

    def notice(self, form: Form, answer: Mapping[str, Any]) -> None:
        """Look whether an answer was masked as asked, and go over to the next form if not."""
        if form is not Form.NONE and not self._expected.issuperset(answer):
            following = _AND_AFTER[form][1]
            self.use(following, instead_of=form, why="ignored")
