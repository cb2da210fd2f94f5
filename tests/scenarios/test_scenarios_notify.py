"""Who is told of a run, and that nobody else learns how."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from scenario import Place

from ascc_async.commands.doctor_checks import State
from ascc_async.commands.doctor_extras import notify_checks
from ascc_async.settings_loader import load
from benchmarks.chaos_run import Job

SECRET = "S3CRETWAY"


class Handler(http.server.BaseHTTPRequestHandler):
    """Keeps what was told; /broken answers 500."""

    told: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/broken"):
            self.send_error(500)
            return
        self.told.append(json.loads(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def service() -> Iterator[int]:
    """The port of a service that is told."""
    Handler.told = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_the_end_of_a_run_is_told_and_the_addresses_stay_secret(
    done: Callable[[], Job], service: int
) -> None:
    """One message; a service that is broken is one line, and the run's exit code as ever. The
    addresses are in no output, log or file.
    """
    place, host = done().place, f"json://me:{SECRET}@127.0.0.1:{service}"
    urls = {"ASCC_NOTIFY__URLS": f"{host}/{SECRET},{host}/broken/{SECRET}"}
    place = replace(place, environment=urls)
    code, said = place.run("run", "--verbose", "--debug")
    assert code == 0, said
    (message,) = Handler.told
    assert message["title"].startswith("ascc_async finished (")
    assert message["message"].startswith("Done in ")
    assert (message["type"], said.count("address 2 of 2: the service answered 500")) == (
        "success",
        1,
    )
    assert "address 1" not in said
    files = [path for path in place.output.rglob("*") if path.is_file()]
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in said


def test_an_address_that_is_none_is_named_by_its_place(place: Place, service: int) -> None:
    """Before anything starts."""
    wrong = f"['json://127.0.0.1:{service}', 'jsno://{SECRET}', {SECRET}]"
    place = replace(place, settings=(*place.settings, f"notify.urls={wrong}"))
    code, said = place.here("run", "--debug")
    assert (code, SECRET in said) == (2, False)
    assert "notify.urls: address 2 of 3: apprise knows no such address" in said
    assert "address 3 of 3" in said
    assert not place.output.exists()


def test_doctor_sends_a_test_to_each_address(service: int) -> None:
    """It says which took it by place and kind of service alone."""
    host = f"json://127.0.0.1:{service}"
    settings = load(None, [f"notify.urls=['{host}/{SECRET}', '{host}/broken/{SECRET}']"], {})
    found = [(check.state, check.found) for check in notify_checks(settings, test=True)]
    assert found == [
        (State.PASSED, "address 1 of 2 (json): the test was taken"),
        (State.WARNING, "address 2 of 2 (json): the service answered 500"),
    ]
    assert [message["title"] for message in Handler.told] == ["ascc_async test"]
