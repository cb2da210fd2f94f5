"""Reads the settings: options over environment over file over defaults.

The only reader of `settings.yaml`, of `ASCC_…` variables and of `--set`. Every mistake is told
with key, place and what is allowed, all of them at once, before anything starts.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from ascc_async.errors import SettingsError
from ascc_async.settings import Settings

DEFAULT_FILE = "settings.yaml"
ENVIRONMENT_PREFIX = "ASCC_"

Key = tuple[str, ...]
Places = dict[Key, str]


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
    path = _settings_file(config)
    places: Places = {}
    mistakes: list[str] = []
    file_layer = _read_file(path, places, mistakes) if path else {}
    environ = os.environ if environment is None else environment
    environment_layer = _read_environment(environ, places, mistakes)
    option_layer = _read_options(options, places, mistakes)
    layers = [option_layer, environment_layer, file_layer]
    try:
        settings = Settings(layers=layers)  # type: ignore[call-arg]
    except ValidationError as error:
        mistakes += [_mistake(detail, places) for detail in error.errors()]
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return _absolute(settings, path.parent if path else Path.cwd())


def _settings_file(config: Path | None) -> Path | None:
    path = config or Path(DEFAULT_FILE)
    if config is None and not path.exists():
        return None
    if not path.is_file():
        raise SettingsError(f"{path}: no such settings file. Give an existing one with --config.")
    return path.resolve()


def _read_file(path: Path, places: Places, mistakes: list[str]) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not UTF-8 text ({error.reason}). Save it as UTF-8.") from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}.") from None
    except yaml.YAMLError as error:
        raise SettingsError(_yaml_mistake(path, error)) from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise SettingsError(f"{path}:1: expected sections such as `throttle:`, with keys beneath.")
    _note_lines(node, (), path, places, mistakes)
    # A section left empty (`clips:`) means its defaults.
    return {str(key): {} if value is None else value for key, value in data.items()}


def _yaml_mistake(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark else ""
    problem = getattr(error, "problem", None) or "it cannot be read"
    return f"{path}{line}: not valid YAML: {problem}. Check indentation, colons and quotes."


def _note_lines(
    node: yaml.Node | None, key: Key, path: Path, places: Places, mistakes: list[str]
) -> None:
    if not isinstance(node, yaml.MappingNode):
        return
    for name, value in node.value:
        here = (*key, str(name.value))
        place = f"{path}:{name.start_mark.line + 1}"
        if here in places:
            mistakes.append(f"{place}: `{'.'.join(here)}` stands twice (first at {places[here]}).")
        places[here] = place
        _note_lines(value, here, path, places, mistakes)


def _read_environment(
    environment: Mapping[str, str], places: Places, mistakes: list[str]
) -> dict[str, Any]:
    layer: dict[str, Any] = {}
    for variable, text in sorted(environment.items()):
        if variable.startswith(ENVIRONMENT_PREFIX):
            key = tuple(variable.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"))
            _put(layer, key, text, f"environment variable {variable}", places, mistakes)
    return layer


def _read_options(options: Sequence[str], places: Places, mistakes: list[str]) -> dict[str, Any]:
    layer: dict[str, Any] = {}
    for option in options:
        name, equals, text = option.partition("=")
        if not equals:
            mistakes.append(f"--set {name}: expected section.key=VALUE.")
            continue
        key = tuple(name.strip().split("."))
        _put(layer, key, text, f"--set {name.strip()}", places, mistakes)
    return layer


def _put(
    layer: dict[str, Any], key: Key, text: str, place: str, places: Places, mistakes: list[str]
) -> None:
    if len(key) != 2 or not all(key):
        mistakes.append(f"{place}: expected a section and a key, such as throttle.burst.")
        return
    section, name = key
    if _unknown(key):
        mistakes.append(_unknown_key(key, place))
        return
    places[key] = place
    layer.setdefault(section, {})[name] = _value(text)


def _value(text: str) -> Any:
    """Options and variables hold YAML values: numbers, true, null, [a, b]; else plain text."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return text if isinstance(value, dict) else value


def _fields(key: Iterable[str]) -> Mapping[str, FieldInfo]:
    """The fields known beneath `key`; empty when there are none."""
    model: type[BaseModel] = Settings
    for name in key:
        field = model.model_fields.get(name)
        candidates = _models(field.annotation) if field else []
        if not candidates:
            return {}
        model = candidates[0]
    return model.model_fields


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]


def _unknown(key: Key) -> bool:
    return any(name not in _fields(key[:depth]) for depth, name in enumerate(key))


def _unknown_key(key: Key, place: str) -> str:
    depth = next(d for d, name in enumerate(key) if name not in _fields(key[:d]))
    known = list(_fields(key[:depth]))
    near = difflib.get_close_matches(key[depth], known, n=1)
    kind = "key" if depth else "section"
    wrong = ".".join(key[: depth + 1])
    hint = f"Did you mean `{'.'.join((*key[:depth], near[0]))}`? " if near else ""
    return f"{place}: unknown {kind} `{wrong}`. {hint}Known: {', '.join(known)}."


def _mistake(detail: Any, places: Places) -> str:
    key = tuple(str(part) for part in detail["loc"] if isinstance(part, str))
    place = next((places[key[:n]] for n in range(len(key), 0, -1) if key[:n] in places), "settings")
    if detail["type"] == "extra_forbidden":
        return _unknown_key(key, place)
    field = _fields(key[:-1]).get(key[-1])
    allowed = f" Allowed: {field.description}." if field and field.description else ""
    message = detail["msg"].removeprefix("Value error, ")
    return f"{place}: `{'.'.join(key)}`: {message}.{allowed}"


def _absolute(settings: Settings, base: Path) -> Settings:
    def under(path: Path | None) -> Path | None:
        return None if path is None else (base / path.expanduser()).resolve()

    network = settings.network
    identities = tuple(
        identity.model_copy(update={"cookies_file": under(identity.cookies_file)})
        for identity in network.identities
    )
    audioset, output = settings.audioset, settings.output
    return settings.model_copy(
        update={
            "audioset": audioset.model_copy(update={"metadata_dir": under(audioset.metadata_dir)}),
            "output": output.model_copy(update={"dir": under(output.dir)}),
            "network": network.model_copy(
                update={
                    "cookies_file": under(network.cookies_file),
                    "ca_file": under(network.ca_file),
                    "identities": identities,
                }
            ),
        }
    )
