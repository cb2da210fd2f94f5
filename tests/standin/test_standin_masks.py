"""Field masks, as a server applies them."""

from __future__ import annotations

import pytest

from ascc_async.standin.masks import BadMask, apply, parse

VALUE = {
    "a": {"b": {"c": 1, "d": 2}, "e": [{"f": 3, "g": 4}, {"f": 5}, "text"]},
    "h": 6,
    "empty": {},
}


@pytest.mark.parametrize(
    ("mask", "left"),
    [
        ("h", {"h": 6}),
        ("a.b.c", {"a": {"b": {"c": 1}}}),
        ("a/b/c,h", {"a": {"b": {"c": 1}}, "h": 6}),
        ("a(b(c),e/f)", {"a": {"b": {"c": 1}, "e": [{"f": 3}, {"f": 5}, "text"]}}),
        ("a.e.g", {"a": {"e": [{"g": 4}, {}, "text"]}}),
        ("a/*/c", {"a": {"b": {"c": 1}, "e": [{}, {}, "text"]}}),
        ("a.b,a.b.c", {"a": {"b": {"c": 1, "d": 2}}}),
        ("a.b.c,a.b", {"a": {"b": {"c": 1, "d": 2}}}),
        ("a.b.missing,nowhere", {"a": {"b": {}}}),
        ("empty.x", {"empty": {}}),
        ("*", VALUE),
    ],
)
def test_a_mask_leaves_what_it_names(mask: str, left: object) -> None:
    """Dots, slashes, parentheses, stars and lists, in any mixture."""
    assert apply(VALUE, parse(mask)) == left


@pytest.mark.parametrize("mask", ["a(b", "a)b", "a..b", ",a", "a,", "a b!", "(a)", ".", "a(b))"])
def test_a_mask_that_cannot_be_read_is_refused(mask: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(BadMask):
        parse(mask)
