"""Reads the settings: options over environment over file over defaults.

The only reader of `settings.yaml`, of `ASCC_…` variables and of `--set`. Every mistake is named
with its key, where it was made and what is allowed, all of them at once, before anything starts.
"""

from __future__ import annotations

import difflib
import logging
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from ascc_async.errors import SettingsError
from ascc_async.settings import Settings

log = logging.getLogger(__name__)

DEFAULT_FILE = "settings.yaml"
ENVIRONMENT_PREFIX = "ASCC_"

# A section, a key in it, and within lists of sections a number and a key.
Key = tuple[str | int, ...]
Layer = dict[str, Any]
_Model = TypeVar("_Model", bound=BaseModel)


def load(
    config: Path | None = None,
    options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Read and join all sources.

    `config` None means `settings.yaml` in the current folder if there is one. `options` are the
    `section.key=VALUE` of `--set`. Relative paths become absolute, seen from the settings file.
    Raises SettingsError that lists every mistake.
    """
    path, base = config or Path(DEFAULT_FILE), Path.cwd()
    sources = _Sources()
    # Only the default file may be missing: a name that was given must not silently mean nothing.
    if config is not None or path.exists():
        if not path.is_file():
            raise SettingsError(f"{path}: no such settings file. Name another with --config.")
        path = path.resolve()
        base = path.parent
        sources.read_file(path)
    # Each over what came before, so that a mistake is blamed on the source whose value counts.
    sources.read_environment(os.environ if environment is None else environment)
    sources.read_options(options)
    mistakes = sources.mistakes
    try:
        settings = Settings.model_validate(sources.values)
    except ValidationError as error:
        mistakes += [sources.explain(detail) for detail in error.errors()]
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return _absolute(settings, base)


class _Sources:
    """Reads one source over the other; notes where each key was given, and every mistake."""

    def __init__(self) -> None:
        self.values: Layer = {}
        self.mistakes: list[str] = []
        self._origins: dict[Key, str] = {}

    def read_file(self, path: Path) -> None:
        """The file's sections. Raises SettingsError where it holds none."""
        try:
            # utf-8-sig: editors on Windows put a byte order mark in front.
            loader = _Loader(path.read_text(encoding="utf-8-sig"))
            node = loader.get_single_node()
            data = loader.construct_document(node) if node else None
        except UnicodeDecodeError as error:
            reason = f"not UTF-8 text ({error.reason}). Save it as UTF-8."
            raise SettingsError(f"{path}: {reason}") from error
        except OSError as error:
            raise SettingsError(f"{path}: cannot be read: {error.strerror}.") from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            problem = getattr(error, "problem", None) or "it cannot be read"
            # Not `from error`: its own text quotes the line, where a key or a password may be.
            raise SettingsError(
                f"{path}{line}: not valid YAML: {problem}. Check indentation, colons and quotes."
            ) from None
        if data is None:
            return
        if not isinstance(data, dict):
            raise SettingsError(
                f"{path}:1: expected sections such as `throttle:`, each with its keys below."
            )
        self._note_lines(node, (), path)
        # A section left empty (`clips:`) means its defaults.
        self.values = {key: {} if value is None else value for key, value in data.items()}

    def _note_lines(self, node: yaml.Node | None, parent: Key, path: Path) -> None:
        entries: list[tuple[str | int, yaml.Node, yaml.Node]] = []
        if isinstance(node, yaml.MappingNode):
            entries = [(str(name.value), name, value) for name, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            entries = [(number, item, item) for number, item in enumerate(node.value)]
        for name, start, value in entries:
            key, origin = (*parent, name), f"{path}:{start.start_mark.line + 1}"
            # YAML itself takes the last of two keys without a word.
            if key in self._origins:
                first = self._origins[key]
                self.mistakes.append(f"{origin}: `{_dotted(key)}` is given twice (first: {first}).")
            self._origins[key] = origin
            self._note_lines(value, key, path)

    def read_environment(self, environment: Mapping[str, str]) -> None:
        """The variables that begin with `ASCC_`."""
        # Sorted: the same mistakes in the same order every time.
        for variable, text in sorted(environment.items()):
            if variable.startswith(ENVIRONMENT_PREFIX):
                # Two underscores divide section and key: a single one occurs within names.
                section, _, name = variable.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
                origin = f"environment variable {variable}"
                if name and section in Settings.model_fields:
                    self._put((section, name), text, origin)
                else:
                    log.warning(
                        "%s names no setting, as ASCC_THROTTLE__BURST does: it is ignored", origin
                    )

    def read_options(self, options: Sequence[str]) -> None:
        """Each `section.key=VALUE`; of the same key the last one counts."""
        for option in options:
            name, equals, text = option.partition("=")
            origin = f"--set {name.strip()}"
            if equals:
                self._put(name.strip().split("."), text, origin)
            else:
                self.mistakes.append(f"{origin}: expected section.key=VALUE.")

    def _put(self, key: Sequence[str], text: str, origin: str) -> None:
        if len(key) != 2 or not all(key):
            self.mistakes.append(f"{origin}: expected a section and a key, such as throttle.burst.")
            return
        if unknown := _explain_unknown(tuple(key)):
            self.mistakes.append(f"{origin}: {unknown}")
            return
        # Values are YAML: numbers, true, null, [a, b]. What is no YAML is plain text, and so is
        # what looks like a mapping: class names hold colons.
        try:
            value = _Loader(text).get_single_data()
        except yaml.YAMLError:
            value = text
        section, name = key
        if isinstance(values := self.values.setdefault(section, {}), dict):
            values[name] = text if isinstance(value, dict) else value
            # Lines of the file within a list that no longer counts are forgotten.
            self._origins = {k: place for k, place in self._origins.items() if k[:2] != tuple(key)}
            self._origins[section, name] = origin

    def explain(self, detail: Any) -> str:
        """One of pydantic's errors: where the wrong value is from, which key, what is wrong."""
        key: Key = detail["loc"]
        name = f"`{_dotted(key)}`"
        # Ours say what is wrong; pydantic's would show its own words.
        message = (
            detail["msg"].removeprefix("Value error, ") if detail["type"] == "value_error" else ""
        )
        nearest = (key[:depth] for depth in range(len(key), 0, -1))
        origin = next((self._origins[k] for k in nearest if k in self._origins), "settings")
        if detail["type"] == "extra_forbidden":
            return f"{origin}: {_explain_unknown(key)}"
        if detail["type"] == "model_type":
            return f"{origin}: {name}: expected keys below it: {', '.join(_known(key))}."
        if len(key) == 1:
            # Values that contradict each other: the message names their keys, the newest counts.
            named = {(*key, word) for word in re.findall(r"\w+", message)}
            places = [place for k, place in reversed(self._origins.items()) if k in named]
            origin = ", ".join(places) or origin
        return f"{origin}: {name}{f': {message}' if message else f' must be {_allowed_at(key)}'}."


class _Loader(yaml.SafeLoader):
    """Every key is text, also `1`, `null` and `yes`: so are the names of all settings."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)


def _dotted(key: Key) -> str:
    """`network.identities[0].proxy`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return "".join(parts).removeprefix(".")


def _section(key: Key) -> type[BaseModel] | None:
    """The model of the keys under `key`; None when there are none."""
    model: type[BaseModel] = Settings
    for name in key:
        if isinstance(name, int):
            continue
        annotation = model.model_fields[name].annotation if name in model.model_fields else None
        for candidate in (annotation, *get_args(annotation)):  # a section, or a tuple of models
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                model = candidate
                break
        else:
            return None
    return model


def _known(key: Key) -> list[str]:
    """The names of the keys under `key`."""
    model = _section(key)
    return list(model.model_fields) if model else []


def _allowed_at(key: Key) -> str:
    """What the value at this key may be."""
    entry = isinstance(key[-1], int)
    *section, name = key[:-1] if entry else key
    model = _section(tuple(section))
    assert model is not None
    schema = model.model_json_schema()["properties"][name]
    return allowed(schema["items"] if entry else schema)


def allowed(schema: Mapping[str, Any]) -> str:
    """What a JSON Schema allows, in words: «1 to 1024 (a whole number)», «one of flac, wav»."""
    if "anyOf" in schema:
        return ", or ".join(map(allowed, schema["anyOf"]))
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    match schema.get("type"):
        case "array":
            least = " of at least one" if "minLength" in schema else ""
            return f"a list{least}, each entry {allowed(schema['items'])}"
        case "integer":
            return f"{_bounds(schema)} (a whole number)"
        case "number":
            return f"{_bounds(schema)} (a number)"
        case "boolean":
            return "true or false"
        case "null":
            return "null"
        case "string":
            return "a path" if schema.get("format") == "path" else "text"
    return "keys and values as below"


def _bounds(schema: Mapping[str, Any]) -> str:
    least, above, most = (schema.get(n) for n in ("minimum", "exclusiveMinimum", "maximum"))
    if least is not None and most is not None:
        return f"{least:g} to {most:g}"
    least = f"at least {least:g}" if least is not None else f"above {above:g}"
    return least if most is None else f"{least}, at most {most:g}"


def _explain_unknown(key: Key) -> str:
    """Which part of the key is not known, and what may be meant; "" when all of it is."""
    for depth, name in enumerate(key):
        known = _known(key[:depth])
        if isinstance(name, str) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean `{_dotted((*key[:depth], near[0]))}`? " if near else ""
            kind = "key" if depth else "section"
            return f"unknown {kind} `{_dotted(key[: depth + 1])}`. {hint}Known: {', '.join(known)}."
    return ""


def _absolute(model: _Model, base: Path) -> _Model:
    """The model with every path in it seen from `base`."""

    def of(value: Any) -> Any:
        if isinstance(value, Path):
            return (base / value.expanduser()).resolve()
        if isinstance(value, tuple):
            return tuple(map(of, value))
        return _absolute(value, base) if isinstance(value, BaseModel) else value

    return model.model_copy(update={name: of(value) for name, value in model})
