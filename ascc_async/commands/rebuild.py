"""`rebuild MANIFEST`: the same dataset from a manifest alone (and YouTube)."""

from __future__ import annotations

import argparse
from pathlib import Path

from ascc_async.commands.run import display_of, run
from ascc_async.dataset.manifest import MANIFEST
from ascc_async.dataset.rebuild import as_text, compare, read_recipe, write_rebuilt
from ascc_async.errors import SetupError
from ascc_async.files import must_exist
from ascc_async.progress.formatting import say
from ascc_async.settings_loader import load
from ascc_async.youtube.browser_cookies import with_browser_cookies


def main(options: argparse.Namespace) -> int:
    """Ask for and fetch the manifest's clips again, then say how the result differs."""
    must_exist(options.manifest)
    settings = load(options.config, options.options)
    # Before anything starts: the manifest may be the last evidence of its dataset.
    manifest: Path = options.manifest.resolve()
    if manifest.is_relative_to(settings.output.dir):
        raise SetupError(
            f"{manifest} lies in output.dir ({settings.output.dir}), which a rebuild would write"
            " over. Name another folder with --set output.dir=…"
        )
    recipe = read_recipe(manifest)
    settings = settings.model_copy(update={"clips": recipe.clips})
    with with_browser_cookies(settings, options.cookies_from_browser) as with_cookies:
        code = run(with_cookies, display_of(options), recipe=recipe)
    new = settings.output.dir / MANIFEST
    if new.exists():  # a run that was aborted early wrote none
        rebuilt = compare(recipe, new)
        write_rebuilt(settings.output.dir, rebuilt)
        if options.log_format == "text":
            say(as_text(rebuilt))
    return code
