"""Renders `docs/settings.md` from the models, so that page and program cannot disagree.

python docs/settings_page.py > docs/settings.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ascc_async.settings import IdentitySettings, Settings
from ascc_async.settings_loader import allowed

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
        values = allowed(schema["properties"][key])
        yield f"| `{key}` | {_default(field)} | {values} | {field.description} |"
    yield ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "(must be given)"
    value = field.get_default(call_default_factory=False)
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    shown = json.dumps(value) if isinstance(value, bool | int | float | None) else str(value)
    return f"`{shown}`"


if __name__ == "__main__":
    sys.stdout.write(settings_page())
