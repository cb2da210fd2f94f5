"""Renders `docs/settings.md` from the models, so that page and program cannot disagree.

python docs/settings_page.py > docs/settings.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ascc_async.settings import IdentitySettings, Settings

_TOP = """\
# Settings
Made from the models in `ascc_async/settings.py` by `python docs/settings_page.py`.

Every key has a default, and `settings.yaml` holds them all. Where a key is given more than once,
the first of these counts:

1. the option `--set section.key=VALUE` (repeatable),
2. the environment variable `ASCC_SECTION__KEY`,
3. the settings file: `--config PATH`, else `settings.yaml` in the current folder,
4. the default.

Values are YAML: `--set classes.include='[Dog, Cat]'`, `ASCC_CLIPS__SAMPLE_RATE=16000`. A relative
path is relative to the settings file, or to the current folder where there is none. An unknown key
or a wrong value ends the command with exit code 2 before anything starts; all mistakes are
reported together, each with its place and what is allowed. Keep keys and cookies out of files that
you share: `ASCC_LICENSE__API_KEYS` takes keys separated by commas.
"""
_OF_IDENTITY = {
    "name": "what it is called on the screen and in logs: letters, digits, `.`, `_`, `-`; not main",
    "cookies_file": "its own cookies; null: a guest",
    "proxy": "its own proxy; null: out directly",
}


def settings_page() -> str:
    """The whole page."""
    return "\n".join([_TOP, *_sections()])


def _sections() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        model = field.annotation
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        yield from _section(f"## `{name}`", model)
        if name == "network":
            yield from _section("### An entry of `network.identities`", IdentitySettings)


def _section(title: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"{title}\n{model.__doc__}\n"
    yield "| key | default | allowed | what |\n| --- | --- | --- | --- |"
    schema = model.model_json_schema()
    for key, field in model.model_fields.items():
        allowed = _allowed(schema["properties"][key])
        what = field.description or _OF_IDENTITY.get(key, "")
        yield f"| `{key}` | {_default(field)} | {allowed} | {what} |"
    yield ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "(must be given)"
    value = field.get_default(call_default_factory=False)
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    shown = json.dumps(value) if isinstance(value, bool | int | float | None) else str(value)
    return f"`{shown}`"


def _allowed(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_allowed(one) for one in schema["anyOf"])
    if "$ref" in schema:
        return "entries as below"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    match schema.get("type"):
        case "array":
            return f"list of {_allowed(schema['items'])}"
        case "integer" | "number" as kind:
            return _number("whole number" if kind == "integer" else "number", schema)
        case "boolean":
            return "`true`, `false`"
        case "null":
            return "`null`"
    return {"path": "path", "password": "secret text"}.get(schema.get("format", ""), "text")


def _number(kind: str, schema: dict[str, Any]) -> str:
    bounds = [
        f"{sign} {schema[name]:g}"
        for name, sign in (("exclusiveMinimum", ">"), ("minimum", "≥"), ("maximum", "≤"))
        if name in schema
    ]
    return " ".join([kind, ", ".join(bounds)]).strip()


if __name__ == "__main__":
    sys.stdout.write(settings_page())
