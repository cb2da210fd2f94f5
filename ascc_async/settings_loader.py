"""Reads the settings: options over environment over file over defaults.

The only reader of `settings.yaml`, of `ASCC_…` variables and of `--set`. Every mistake is named
with its key, where it was made and what is allowed, all of them at once, before anything starts.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from ascc_async.errors import SettingsError
from ascc_async.settings import Settings

DEFAULT_FILE = "settings.yaml"
ENVIRONMENT_PREFIX = "ASCC_"

Key = tuple[str, ...]
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
    file_layer: Layer = {}
    # Only the default file may be missing: a name that was given must not silently mean nothing.
    if config is not None or path.exists():
        if not path.is_file():
            raise SettingsError(f"{path}: no such settings file. Name another with --config.")
        path = path.resolve()
        base = path.parent
        file_layer = sources.read_file(path)
    # In this order, so that a mistake is blamed on the source whose value counts.
    environment_layer = sources.read_environment(os.environ if environment is None else environment)
    layers = [sources.read_options(options), environment_layer, file_layer]
    mistakes = sources.mistakes
    try:
        settings = Settings(layers=layers)  # type: ignore[call-arg]
    except ValidationError as error:
        mistakes += [sources.explain(detail) for detail in error.errors()]
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return _absolute(settings, base)


class _Sources:
    """Reads one source after the other; notes where each key was given, and every mistake."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []
        self._origins: dict[Key, str] = {}

    def read_file(self, path: Path) -> Layer:
        """The file's sections. Raises SettingsError where it holds none."""
        try:
            # utf-8-sig: editors on Windows put a byte order mark in front.
            loader = yaml.SafeLoader(path.read_text(encoding="utf-8-sig"))
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
            raise SettingsError(
                f"{path}{line}: not valid YAML: {problem}. Check indentation, colons and quotes."
            ) from error
        if data is None:
            return {}
        if not isinstance(data, dict):
            raise SettingsError(
                f"{path}:1: expected sections such as `throttle:`, each with its keys below."
            )
        self._note_lines(node, (), path)
        # A section left empty (`clips:`) means its defaults.
        return {str(key): {} if value is None else value for key, value in data.items()}

    def _note_lines(self, node: yaml.Node | None, parent: Key, path: Path) -> None:
        # YAML itself takes the last of two keys without a word.
        for name, value in node.value if isinstance(node, yaml.MappingNode) else ():
            key, origin = (*parent, str(name.value)), f"{path}:{name.start_mark.line + 1}"
            if key in self._origins:
                first = self._origins[key]
                self.mistakes.append(
                    f"{origin}: `{'.'.join(key)}` is given twice (first: {first})."
                )
            self._origins[key] = origin
            self._note_lines(value, key, path)

    def read_environment(self, environment: Mapping[str, str]) -> Layer:
        """The variables that begin with `ASCC_`."""
        layer: Layer = {}
        # Sorted: the same mistakes in the same order every time.
        for variable, text in sorted(environment.items()):
            if variable.startswith(ENVIRONMENT_PREFIX):
                # Two underscores divide section and key: a single one occurs within names.
                key = tuple(variable.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"))
                self._put(layer, key, text, f"environment variable {variable}")
        return layer

    def read_options(self, options: Sequence[str]) -> Layer:
        """Each `section.key=VALUE`; of the same key the last one counts."""
        layer: Layer = {}
        for option in options:
            name, equals, text = option.partition("=")
            origin = f"--set {name.strip()}"
            if equals:
                self._put(layer, tuple(name.strip().split(".")), text, origin)
            else:
                self.mistakes.append(f"{origin}: expected section.key=VALUE.")
        return layer

    def _put(self, layer: Layer, key: Key, text: str, origin: str) -> None:
        if len(key) != 2 or not all(key):
            self.mistakes.append(f"{origin}: expected a section and a key, such as throttle.burst.")
            return
        if unknown := _explain_unknown(key):
            self.mistakes.append(f"{origin}: {unknown}")
            return
        # Values are YAML: numbers, true, null, [a, b]. What is no YAML is plain text, and so is
        # what looks like a mapping: class names hold colons.
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            value = text
        section, name = key
        layer.setdefault(section, {})[name] = text if isinstance(value, dict) else value
        self._origins[key] = origin

    def explain(self, detail: Any) -> str:
        """One of pydantic's errors: where, which key, what is wrong, what is allowed."""
        # Numbers in it are positions in a list, of which no line is known.
        key = tuple(part for part in detail["loc"] if isinstance(part, str))
        nearest = (key[:depth] for depth in range(len(key), 0, -1))
        origin = next(
            (self._origins[part] for part in nearest if part in self._origins), "settings"
        )
        if detail["type"] == "extra_forbidden":
            return f"{origin}: {_explain_unknown(key)}"
        field = _fields(key[:-1]).get(key[-1])
        allowed = f" Allowed: {field.description}." if field and field.description else ""
        message = detail["msg"].removeprefix("Value error, ")
        return f"{origin}: `{'.'.join(key)}`: {message}.{allowed}"


def _fields(key: Iterable[str]) -> Mapping[str, FieldInfo]:
    """The fields known under `key`; empty when there are none."""
    model: type[BaseModel] = Settings
    for name in key:
        annotation = model.model_fields[name].annotation if name in model.model_fields else None
        for candidate in (annotation, *get_args(annotation)):  # a section, or a tuple of models
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                model = candidate
                break
        else:
            return {}
    return model.model_fields


def _explain_unknown(key: Key) -> str:
    """Which part of the key is not known, and what may be meant; "" when all of it is."""
    for depth, name in enumerate(key):
        known = list(_fields(key[:depth]))
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean `{'.'.join((*key[:depth], near[0]))}`? " if near else ""
            kind, wrong = "key" if depth else "section", ".".join(key[: depth + 1])
            return f"unknown {kind} `{wrong}`. {hint}Known: {', '.join(known)}."
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
