"""The pages' figures as one file for people without the tool, which loads nothing."""

from __future__ import annotations

import base64
import hashlib
from contextlib import closing

from ascc_async.dataset.terms import TITLE
from ascc_async.errors import JournalError, NoJournal
from ascc_async.journal.reader import Reader
from ascc_async.journal.writer import JOURNAL_NAME
from ascc_async.settings import Settings
from ascc_async.web.class_map import class_map
from ascc_async.web.flow import flows, steps
from ascc_async.web.history import figures_of, read_minutes
from ascc_async.web.shown_folder import static_content, templates
from ascc_async.web.tally import read_tally

_SCRIPTS = ("plotly.js", "app.js", "explore.js")


def report(settings: Settings) -> tuple[str, JournalError | None]:
    """Sums and figures of the manifest: no segment, no title, no path, no setting. And why there is
    no history in it, if it could not be read. Raises SetupError without a dataset, MetadataError.
    """
    tally = read_tally(settings)
    journal = settings.output.dir / JOURNAL_NAME
    history, unread = {}, None
    try:
        with closing(Reader(journal)) as reader:
            history = figures_of(read_minutes(reader, 0.0))
    except NoJournal:
        pass  # a dataset may have come without it
    except JournalError as error:
        unread = error
    root = steps(tally.index.kinds)
    scripts = [_text(name).replace("</script", r"<\/script") for name in _SCRIPTS]
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    page = templates().get_template("report.html")
    text = page.render(
        title=TITLE,
        # Nobody sends headers with a file: it says itself that nothing may be loaded.
        policy=f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'",
        style=_text("style.css"),
        scripts=scripts,
        tally=tally,
        counts=tally.index.counts,
        root=root,
        flows=flows(root, linked=False),
        figure=class_map(tally, linked=False),
        progress=history.get("progress"),
    )
    return text, unread


def _text(name: str) -> str:
    return static_content(name).decode().replace("\r\n", "\n")  # as HTML reads it: for the hash
