"""A small ontology for the demo: two score of AudioSet's classes, chosen for their oddities."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """One entry of the ontology. `rated` None: not in the class list, only in the ontology."""

    mid: str
    name: str
    children: tuple[str, ...] = ()
    restrictions: tuple[str, ...] = ()
    rated: tuple[int, int] | None = None
    weight: float = 1


def _node(
    mid: str,
    name: str,
    children: str = "",
    *restrictions: str,
    rated: tuple[int, int] | None = None,
    weight: float = 1,
) -> Node:
    return Node(mid, name, tuple(children.split()), restrictions, rated, weight)


NODES = (
    _node("/m/0dgw9r", "Human sounds", "/m/09l8g /m/01w250", "abstract"),
    _node("/m/09l8g", "Human voice", "/m/09x0r /m/015lz1", "abstract"),
    _node("/m/09x0r", "Speech", "/m/05zppz /m/02zsn", rated=(10, 10), weight=12),
    _node("/m/05zppz", "Male speech, man speaking", rated=(10, 9), weight=3),
    _node("/m/02zsn", "Female speech, woman speaking", rated=(10, 10), weight=2),
    _node("/m/015lz1", "Singing", rated=(9, 9)),
    _node("/m/01w250", "Whistling", rated=(10, 7)),
    _node("/m/0jbk", "Animal", "/m/068hy /m/01280g", rated=(10, 10), weight=3),
    _node("/m/068hy", "Domestic animals, pets", "/m/0bt9lr /m/01yrx", rated=(9, 9), weight=2),
    _node("/m/0bt9lr", "Dog", "/m/05tny_", rated=(10, 10), weight=3),
    _node("/m/05tny_", "Bark", rated=(9, 9), weight=2),
    _node("/m/01yrx", "Cat", "/m/07qrkrw", rated=(10, 10)),
    _node("/m/07qrkrw", "Meow", rated=(10, 9)),
    _node("/m/01280g", "Wild animals", "/m/015p6 /m/09ld4", rated=(10, 8)),
    _node("/m/015p6", "Bird", "/m/020bb7 /m/04s8yn", rated=(10, 10), weight=3),
    _node("/m/020bb7", "Bird vocalization, bird call, bird song", rated=(10, 10), weight=2),
    _node("/m/04s8yn", "Crow", rated=(10, 9)),
    _node("/m/09ld4", "Frog", rated=(9, 8)),
    _node("/m/04rlf", "Music", "/m/04szw /m/0kpv1t /t/dd00030 /m/074ft", rated=(10, 10), weight=12),
    _node("/m/04szw", "Musical instrument", "/m/0342h /m/05r5c", rated=(10, 9), weight=2),
    _node("/m/0342h", "Guitar", "/m/042v_gx", rated=(10, 10), weight=2),
    _node("/m/042v_gx", "Acoustic guitar", rated=(10, 6)),
    _node("/m/05r5c", "Piano", rated=(10, 10)),
    _node("/m/0kpv1t", "Music genre", "/m/03_d0", "abstract"),
    _node("/m/03_d0", "Jazz", rated=(0, 0)),
    _node("/t/dd00030", "Music mood", "/t/dd00031", "abstract"),
    _node("/t/dd00031", "Happy music", rated=(0, 0)),
    _node("/m/074ft", "Song", "", "blacklist", rated=(10, 3)),
    _node("/m/059j3w", "Natural sounds", "/m/0838f /m/03m9d0z /m/0ngt1", "blacklist"),
    _node("/m/03m9d0z", "Wind", rated=(10, 9), weight=2),
    _node("/m/0ngt1", "Thunder", rated=(10, 10)),
    _node("/m/0838f", "Water", "/m/06mb1", rated=(10, 10), weight=2),
    _node("/m/06mb1", "Rain", rated=(10, 8)),
    _node("/t/dd00041", "Sounds of things", "/m/07yv9 /m/07pp_mv", "blacklist"),
    _node("/m/07yv9", "Vehicle", "/m/012f08", rated=(10, 10), weight=4),
    _node("/m/012f08", "Motor vehicle (road)", "/m/0k4j /m/03j1ly", rated=(10, 9), weight=2),
    _node("/m/0k4j", "Car", rated=(10, 9), weight=3),
    _node("/m/03j1ly", "Emergency vehicle", "/m/04qvtq /m/012n7d", rated=(10, 10)),
    _node("/m/04qvtq", "Police car (siren)", rated=(10, 9)),
    _node("/m/012n7d", "Ambulance (siren)", rated=(9, 8)),
    _node("/m/07pp_mv", "Alarm", "/m/03kmc9", rated=(10, 10)),
    _node("/m/03kmc9", "Siren", "/m/04qvtq /m/012n7d", rated=(10, 10)),
    _node("/t/dd00123", "Channel, environment and background", "/m/096m7z", "abstract"),
    _node("/m/096m7z", "Noise", "/m/01jwx6", rated=(10, 5)),
    _node("/m/01jwx6", "Vibration", "", "blacklist", rated=(10, 2)),
)


def made_up(classes: int) -> tuple[Node, ...]:
    """An ontology of as many classes, ten beneath each of some abstract ones.

    Every fortieth class is blacklisted and every eighth was never rated, about as in AudioSet.
    """
    leaves = [_made_up_class(number) for number in range(classes)]
    groups = [
        Node(
            f"/t/dd{first:05}",
            f"Group {first // 10}",
            tuple(leaf.mid for leaf in leaves[first : first + 10]),
            ("abstract",),
        )
        for first in range(0, classes, 10)
    ]
    return (*groups, *leaves)


def _made_up_class(number: int) -> Node:
    rated = (0, 0) if number % 8 == 7 else (10, number % 11)
    restrictions = ("blacklist",) if number % 40 == 39 else ()
    mid = f"/m/0{number * 7919 % 1_000_003:06x}"
    # popularity falls as in AudioSet, where the first two classes fill half of it
    return Node(mid, f"Class {number}", (), restrictions, rated, 1 / (number + 1))
