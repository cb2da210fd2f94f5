"""Settings: file, environment, options; and mistakes a user can act on."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest
import yaml

from ascc_async.errors import SettingsError
from ascc_async.settings import Settings
from ascc_async.settings_loader import load

ROOT = Path(__file__).parents[1]


def mistakes(text: str, tmp_path: Path, *options: str, **environment: str) -> list[str]:
    path = tmp_path / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(path, options, environment)
    return str(caught.value).splitlines()


def test_the_shipped_file_equals_the_defaults() -> None:
    """`settings.yaml` holds every key, with the value that applies without it."""
    shipped = yaml.safe_load((ROOT / "settings.yaml").read_text(encoding="utf-8"))
    defaults = Settings().model_dump(mode="json")
    assert shipped == defaults
    assert {name: list(keys) for name, keys in shipped.items()} == {
        name: list(keys) for name, keys in defaults.items()
    }


def test_every_key_is_explained_in_the_file() -> None:
    """The line above every key is the explanation its model gives."""
    lines = (ROOT / "settings.yaml").read_text(encoding="utf-8").splitlines()
    for section in Settings.model_fields.values():
        assert section.annotation is not None
        for key, field in section.annotation.model_fields.items():
            above = [lines[n - 1] for n, line in enumerate(lines) if line.startswith(f"  {key}: ")]
            assert f"  # {field.description}" in above, f"settings.yaml does not explain {key}"


def test_options_come_before_environment_before_file(tmp_path: Path) -> None:
    """Precedence: option, environment, file, default; sections are merged key by key."""
    path = tmp_path / "settings.yaml"
    path.write_text("throttle: {burst: 1, jitter: 0.1, delay_seconds: 9}\n", encoding="utf-8")
    environment = {"ASCC_THROTTLE__BURST": "2", "ASCC_THROTTLE__JITTER": "0.2"}
    throttle = load(path, ["throttle.burst=3"], environment).throttle
    assert (throttle.burst, throttle.jitter, throttle.delay_seconds) == (3, 0.2, 9)
    assert throttle.adaptive


def test_lists_and_nulls_can_be_given_as_options() -> None:
    """Values of options and variables are YAML; keys may be separated by commas."""
    settings = load(
        None,
        ["classes.include=Male speech, man speaking", "audioset.splits=[eval]",
         "clips.sample_rate=16000", "sampling.max_per_class=null"],
        {"ASCC_LICENSE__API_KEYS": "one-key,two-key"},
    )  # fmt: skip
    assert settings.classes.include == ("Male speech, man speaking",)
    assert settings.audioset.splits == ("eval",)
    assert settings.clips.sample_rate == 16000
    assert [key.get_secret_value() for key in settings.license.api_keys] == ["one-key", "two-key"]


def test_relative_paths_are_seen_from_the_settings_file(tmp_path: Path) -> None:
    """The same file means the same folders wherever the command is started."""
    path = tmp_path / "deep" / "my.yaml"
    path.parent.mkdir()
    path.write_text("output: {dir: ../out}\nnetwork: {cookies_file: c.txt}\n", encoding="utf-8")
    settings = load(path, (), {})
    assert settings.output.dir == tmp_path.resolve() / "out"
    assert settings.network.cookies_file == (tmp_path / "deep" / "c.txt").resolve()


def test_three_mistakes_are_named_at_once_with_their_lines(tmp_path: Path) -> None:
    """Key, line, what is wrong and what is allowed or meant, for every mistake."""
    text = "clips:\n  format: flak\nthrottle:\n  burst: 0\n  jitte: 1\n"
    lines = sorted(line.partition("settings.yaml:")[2] for line in mistakes(text, tmp_path))
    expected = [
        ("2: `clips.format`", "must be one of flac, wav, opus, m4a, mp3."),
        ("4: `throttle.burst`", "must be at least 1 (a whole number)."),
        ("5: unknown key `throttle.jitte`", "`throttle.jitter`"),
    ]
    for line, (begin, hint) in zip(lines, expected, strict=True):
        assert line.startswith(begin)
        assert hint in line


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("throtle.burst=3", "unknown section `throtle`. Did you mean `throttle`?"),
        ("throttle.burst", "expected section.key=VALUE"),
        ("burst=3", "expected a section and a key"),
        ("throttle.delay_seconds=.inf", "`throttle.delay_seconds` must be at least 0 (a number)."),
        ("throttle.requests_per_second=0", "_per_second` must be above 0 (a number)."),
        ("concurrency.licenses=5000", "`concurrency.licenses` must be 1 to 1024 (a whole number)."),
        ("concurrency.licenses=many", "`concurrency.licenses` must be 1 to 1024 (a whole number)."),
        ("clips.sample_rate=1", "must be 4000 to 192000 (a whole number), or null."),
        ("audioset.splits=[test]", "splits[0]` must be one of balanced_train, eval, unbalanced_t"),
        ("license.explain_missing=perhaps", "must be true or false."),
        ("network.identities=[{cookies_file: c}]", "identities[0].name` must be text."),
        ("network.identities=[{name: a b}]", "must be 1 to 40 letters, digits, dots"),
        ("throttle.min_requests_per_second=30", "above max_requests_per_second"),
        ("classes.end_index=0", "must be greater than start_index"),
        ("license.sources=[]", "`license.sources` must be a list of at least one, each entry one"),
        ("license.sources=[innertube, innertube]", "is given twice"),
        ("license.known_standard=M4gD1WSo5mA", "known_creative_commons and known_standard"),
        ("license.known_standard=short", "`license.known_standard[0]`: 'short' is not a video id"),
        ("network.proxy=ftp://here", "must look like http://user:password@host:port"),
        ("network.proxy=http://u:s3cret#1@h", "must look like http://user:password@host:port"),
        ("network.proxy=http://h:99999", "must look like http://user:password@host:port"),
        ("network.proxy=[http://h]", "`network.proxy` must be text, or null."),
        ("cluster.scheduler=[tls://h:1]", "must be an address such as tls://host:port, or a file"),
        ("network.identities=[{name: main}]", "main is given twice"),
        ("network.identities=[{name: b, 1: x}]", "unknown key `network.identities[0].1`"),
        ("network.identities=[{name: b, proxi: x}]", "unknown key `network.identities[0].proxi`"),
        ("audioset.base_url=there", "must be an address"),
        ("throttle.hours=22-7", "must be two different times of day, such as 22:00-07:00"),
        ("throttle.hours=22:00", "must be "),
        ("license.ask_first=[a.csv, '']", "`license.ask_first[1]`: an empty name; name"),
    ],
)
def test_wrong_options_name_themselves(option: str, expected: str) -> None:
    """A wrong option is called by its own name, before anything starts."""
    with pytest.raises(SettingsError) as caught:
        load(None, [option], {})
    assert expected in str(caught.value)
    assert str(caught.value).startswith(f"--set {option.partition('=')[0]}")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("clips.format=opus", "format opus cannot hold a sample_rate of 22500 Hz, only of 48000."),
        (
            "clips.format=mp3",
            "format mp3 cannot hold a sample_rate of 22500 Hz, only of 8000, 11",
        ),
        ("clips.media=video", "format m4a cannot hold a sample_rate of 22500 Hz"),
    ],
)
def test_a_rate_that_the_format_cannot_hold_is_named(option: str, message: str) -> None:
    """With what is allowed, before anything starts; other formats hold any."""
    assert load(None, ["clips.sample_rate=22500"], {}).clips.sample_rate == 22500
    with pytest.raises(SettingsError, match=r"--set clips\.sample_rate.*: `clips`") as caught:
        load(None, [option, "clips.sample_rate=22500"], {})
    assert message in str(caught.value)


def test_values_that_contradict_each_other_name_where_each_is_from(tmp_path: Path) -> None:
    """The option and the line of the file, never a section or a line that says nothing of it."""
    text = "throttle:\n  burst: 3\n  min_requests_per_second: 2\n"
    (mistake,) = mistakes(text, tmp_path, "throttle.max_requests_per_second=1")
    option = "--set throttle.max_requests_per_second"
    assert mistake.startswith(f"{option}, {tmp_path / 'settings.yaml'}:3: `throttle`: min_requests")


def test_a_mistake_within_a_list_names_its_own_line(tmp_path: Path) -> None:
    """The second identity's port is on line 5; given by an option, the file is not to blame."""
    text = "network:\n  identities:\n  - {name: a}\n  - name: b\n    proxy: here\n"
    (mistake,) = mistakes(text, tmp_path)
    assert "settings.yaml:5: `network.identities[1].proxy`: must look like" in mistake
    (mistake,) = mistakes(text, tmp_path, "network.identities=[{name: a}, {name: a}]")
    assert mistake.startswith("--set network.identities: `network.identities`: a is given twice.")


def test_an_unknown_variable_is_an_error() -> None:
    """A misspelt variable is not silently without effect."""
    with pytest.raises(SettingsError, match="ASCC_THROTTLE__BRST"):
        load(None, (), {"ASCC_THROTTLE__BRST": "3"})


@pytest.mark.parametrize("variable", ["ASCC_PROJECT", "ASCC_OTHER__THING", "ASCC_", "ASCC_CLIPS"])
def test_a_variable_of_another_program_is_a_warning(
    variable: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What names no section and key may be somebody else's."""
    assert load(None, (), {variable: "3"}) == load(None, (), {})
    assert f"{variable} names no setting" in caplog.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("throttle: [1", ":1: not valid YAML"),
        ("- a\n- b\n", "expected sections"),
        ("throttle: {1: 2, null: 3}\n", "settings.yaml:1: unknown key `throttle.null`. Known: req"),
        ("throttle: 3\n", "settings.yaml:1: `throttle`: expected keys below it: requests_per"),
        ("clips: {format: wav}\nclips: {format: mp3}\n", "`clips` is given twice"),
    ],
)
def test_malformed_files_are_named_with_their_line(
    text: str, expected: str, tmp_path: Path
) -> None:
    """What is not YAML, or not sections, is named with file and line."""
    assert any(expected in line for line in mistakes(text, tmp_path))


def test_a_malformed_file_is_not_quoted(tmp_path: Path) -> None:
    """Not in a traceback either, which --debug shows: the line may hold a key or a password."""
    path = tmp_path / "settings.yaml"
    path.write_text("notify: {urls: ['json://s3cret}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(path, (), {})
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """`--config` with a file that is not there is an error; no file at all means defaults."""
    with pytest.raises(SettingsError, match=r"absent\.yaml: no such settings file"):
        load(tmp_path / "absent.yaml")


def test_a_faster_start_raises_the_default_bound(tmp_path: Path) -> None:
    """`requests_per_second: 50` alone is no contradiction of a default nobody chose."""
    path = tmp_path / "settings.yaml"
    path.write_text("throttle: {requests_per_second: 50}\n", encoding="utf-8")
    assert load(path, (), {}).throttle.max_requests_per_second == 50
    path.write_text("throttle: {requests_per_second: 50, max_requests_per_second: 20}\n")
    with pytest.raises(SettingsError, match="must lie between"):
        load(path, (), {})


def test_secrets_are_not_shown() -> None:
    """Keys and passwords are not in `repr`; proxies and paths neither in the public form."""
    settings = load(
        None,
        ["network.proxy=http://me:s3cret@host:1", "network.cookies_file=c.txt",
         "license.api_keys=[AIzaTOPSECRET1234]",
         "network.identities=[{name: b, proxy: 'socks5://u:hidden@h:2'}]",
         "audioset.base_url=https://me:s3cret@host/audioset"],
        {"ASCC_NOTIFY__URLS": "json://u:s3cret@x/hidden,mailto://a@b?to=c@d,e@f"},
    )  # fmt: skip
    # An address of one's own is in `repr`, but is not published.
    assert len(settings.notify.urls) == 2
    shown = repr([settings.network, settings.license, settings.notify, settings.public()])
    assert "ontology_url" in settings.public()["audioset"]
    for secret in ("s3cret", "TOPSECRET", "hidden"):
        assert secret not in shown
    public = str(settings.public())
    assert not [
        word for word in ("host", "cookies", "/c.txt", "metadata", "1234") if word in public
    ]
