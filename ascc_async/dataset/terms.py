"""Under which terms the dataset may be used, and how it is cited: `LICENSE.md`, `CITATION.cff`."""

from __future__ import annotations

TITLE = "AudioSet, the Creative Commons part"
TOOL = "https://pypi.org/project/ascc-async/"  # as in pyproject.toml

LICENSES = """\
- **The sounds**: [Creative Commons Attribution 3.0](https://creativecommons.org/licenses/by/3.0/)
  (CC BY 3.0), by the authors named in `ATTRIBUTION.csv` and `CREDITS.md`. Whoever shares a clip
  must name its title and author, link to its source and the license, and say what was changed.
- **AudioSet's labels and segment lists**: Google,
  [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/).
- **AudioSet's ontology** (class names and their order):
  Google, [CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/).

A license on YouTube can change. Beside each clip stands when its license was last seen; a copy made
while the license held stays under it.
"""

LICENSE_FILE = f"""\
# Licenses

Three, for three parts of this dataset.

{LICENSES}"""

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

CITATION_FILE = f"""\
cff-version: 1.2.0
message: Please cite AudioSet, and MetaAudio. The authors of the sounds are in ATTRIBUTION.csv.
type: dataset
title: {TITLE}
authors:
  - name: The authors of the sounds, named in ATTRIBUTION.csv
  - name: Google, for AudioSet's labels and ontology
license:
  - CC-BY-3.0
  - CC-BY-4.0
  - CC-BY-SA-4.0
abstract: Made with ascc_async ({TOOL}).
references:
  - type: conference-paper
    title: "Audio Set: An ontology and human-labeled dataset for audio events"
    authors:
      - {{family-names: Gemmeke, given-names: Jort F.}}
      - {{family-names: Ellis, given-names: Daniel P. W.}}
      - {{family-names: Freedman, given-names: Dylan}}
      - {{family-names: Jansen, given-names: Aren}}
      - {{family-names: Lawrence, given-names: Wade}}
      - {{family-names: Moore, given-names: R. Channing}}
      - {{family-names: Plakal, given-names: Manoj}}
      - {{family-names: Ritter, given-names: Marvin}}
    conference:
      name: IEEE International Conference on Acoustics, Speech and Signal Processing (ICASSP)
    year: 2017
  - type: article
    title: "MetaAudio: A Few-Shot Audio Classification Benchmark"
    authors:
      - {{family-names: Heggan, given-names: Calum}}
      - {{family-names: Budgett, given-names: Sam}}
      - {{family-names: Hospedales, given-names: Timothy}}
      - {{family-names: Yaghoobi, given-names: Mehrdad}}
    journal: arXiv preprint arXiv:2204.02121
    year: 2022
"""
