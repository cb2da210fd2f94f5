"""`doctor` looks at the machines of a cluster."""

from __future__ import annotations

from ascc_async.commands.doctor_checks import State
from ascc_async.commands.doctor_machines import machine_checks
from ascc_async.settings import Settings


def test_it_says_why_a_scheduler_cannot_be_used() -> None:
    """Nothing without an engine; a port in the clear fails before anybody is asked."""
    assert list(machine_checks(Settings())) == []
    settings = {"engine": "dask", "scheduler": "tcp://10.1.2.3:8786"}
    (check,) = machine_checks(Settings.model_validate({"cluster": settings}))
    assert check.state is State.FAILED
    assert "not encrypted" in check.found
    (check,) = machine_checks(Settings.model_validate({"cluster": {"engine": "dask"}}))
    assert check.state is State.PASSED
