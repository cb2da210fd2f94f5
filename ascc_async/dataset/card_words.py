"""The fixed words of the dataset card."""

from __future__ import annotations

from ascc_async.model import Outcome, Reason

REASONS: dict[Reason, str] = {
    Reason.REMOVED: "the video was removed",
    Reason.PRIVATE: "the video is private",
    Reason.ACCOUNT_TERMINATED: "the account was terminated",
    Reason.COPYRIGHT_CLAIM: "blocked by a copyright claim",
    Reason.COUNTRY_RESTRICTED: "not available in the country it was asked from",
    Reason.SIGN_IN_REQUIRED: "only for viewers who sign in",
    Reason.AGE_RESTRICTED: "only for viewers of a certain age",
    Reason.MEMBERS_ONLY: "only for members of the channel",
    Reason.LIVE: "a live stream, not a recording",
    Reason.NO_AUDIO: "the video has no sound",
    Reason.TOO_SHORT: "the video ends before the segment, or too soon inside it",
    Reason.SILENT: "digital silence",
    Reason.CORRUPT: "the media could not be decoded",
    Reason.NETWORK: "the network failed; will be tried again",
    Reason.TOOL_FAILED: "a tool failed; will be tried again",
    Reason.LICENSE_UNKNOWN: "YouTube was asked and did not tell the license; will be asked again",
    Reason.LICENSE_CHANGED: "was Creative Commons when first asked, and is not any more",
}

OUTCOMES: dict[Outcome, str] = {
    Outcome.CLIP: "in the dataset",
    Outcome.NOT_SHAREABLE: "not Creative Commons, so not kept (or asked to be left out)",
    Outcome.UNAVAILABLE: "the video cannot be had any more",
    Outcome.REJECTED: "the video is there, its sound in the segment is not usable",
    Outcome.PENDING: "not finished: a further run goes on with it",
    Outcome.SPARE: "fetched, but beyond the wanted number of clips per class",
}

LIMITED = "not needed, as its classes have the clips wanted, or not finished"

WHAT_IT_IS = """\
The part of [AudioSet](https://research.google.com/audioset/) that may be shared: clips of about
ten seconds, each from a YouTube video whose author chose the Creative Commons Attribution license,
with AudioSet's human labels, full credits and the time at which the license was seen.
"""

HOW_MADE = """\
For every selected segment of AudioSet, YouTube was asked for the license of its video. Only where
the answer was Creative Commons, and no older than {days} days, the sound of the segment was fetched
and cut to the sample ({form}). Nothing was normalised, denoised or otherwise altered. Empty,
silent and undecodable clips were left out. `quality.csv` tells level, silence and clipping of each.
`run.json` holds the settings, the seed, the versions of the tools and the hashes of AudioSet's
files. Made with ascc_async.
"""

FILES = """\
| file | what |
| --- | --- |
| `manifest.csv` | one row for every selected segment, also those that are not in the dataset |
| `labels.csv` | `segment_id` and a column per class: 1 where AudioSet gives the clip the class |
| `classes/<display name>.csv` | per class, the clips that hold it |
| `suitable_classes.csv` | the chosen classes: index, MID, display name, quality |
| `quality.csv` | per clip: peak, RMS, share of silence, share of clipping |
| `ATTRIBUTION.csv`, `CREDITS.md` | title, author, source, license and changes of every clip |
| `unavailable.csv` | what could not be had, with the reason |
| `run.json` | settings, seed, versions, hashes of the inputs |

The clips are under `clips/`, beside the folder of these files; `path` in the manifest is relative
to the folder that holds both. A file the manifest does not name as `clip` is not part of the
dataset. In all tables a text that a spreadsheet would take for a formula, or that starts with an
apostrophe, has an apostrophe in front: drop one leading apostrophe to get the text as it was.

```python
import pandas as pd
manifest = pd.read_csv("manifest.csv", dtype={"reason": "string"})
clips = manifest[manifest.outcome == "clip"]
```
"""

LICENSES = """\
- **The sounds**: [Creative Commons Attribution 3.0](https://creativecommons.org/licenses/by/3.0/)
  (CC BY 3.0), by the authors named in `ATTRIBUTION.csv` and `CREDITS.md`. Whoever shares a clip
  must name its title and author, link to its source and the license, and say what was changed.
- **AudioSet's labels and segment lists**: Google,
  [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/).
- **AudioSet's ontology** (class names and their order):
  Google, [CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/).

A license on YouTube can change. `license_checked_at` says when each was last seen; a copy made
while the license held stays under it.
"""

CITATIONS = """\
```bibtex
@inproceedings{gemmeke2017audioset,
  title     = {Audio Set: An ontology and human-labeled dataset for audio events},
  author    = {Gemmeke, Jort F. and Ellis, Daniel P. W. and Freedman, Dylan and Jansen, Aren and
               Lawrence, Wade and Moore, R. Channing and Plakal, Manoj and Ritter, Marvin},
  booktitle = {IEEE International Conference on Acoustics, Speech and Signal Processing (ICASSP)},
  year      = {2017}
}

@article{heggan2022metaaudio,
  title   = {MetaAudio: A Few-Shot Audio Classification Benchmark},
  author  = {Heggan, Calum and Budgett, Sam and Hospedales, Timothy and Yaghoobi, Mehrdad},
  journal = {arXiv preprint arXiv:2204.02121},
  year    = {2022}
}
```
"""

REMOVAL = """\
Are you the author of a sound in here and want it taken out? Write to whoever publishes this copy,
with the link of the video or of your channel; no reason is needed. For the publisher: put the
video's id, the channel's id or the link on a line of `removals.txt` (in the folder that holds
`dataset/` and `clips/`) and run again. Every run and every rebuild leaves out what it names.
"""
