"""A second way to count: plain loops over raw events, for the tests to hold the SQL against.

Nothing here uses the package. An opportunity is a list of ``(day, stage, rep)``; what came after
the day of the report is dropped first, so that nothing later can matter.
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction

STAGES = ["Lead", "Qual", "Prop"]
OUTCOMES = ["Cancelled", "Lost", "Won"]  # of one day the last one holds
WON = 1000
Path = list[tuple[int, str, str]]


@dataclasses.dataclass
class Visit:
    """One stay under one rep; `left` is None for an open one."""

    place: int
    rep: str
    entered: int
    left: int | None
    exit: str


@dataclasses.dataclass
class Seen:
    """An opportunity as it looked on a day."""

    visits: list[Visit]
    outcome: str
    closed: int | None
    closer: str | None
    until: int

    @property
    def began(self) -> int | None:
        return self.visits[0].entered if self.visits else None

    @property
    def deepest(self) -> int:
        return max((v.place for v in self.visits), default=0)

    @property
    def first_rep(self) -> str | None:
        return self.visits[0].rep if self.visits else self.closer

    @property
    def final_rep(self) -> str | None:
        return self.visits[-1].rep if self.outcome == "open" else self.closer

    def first(self, place: int) -> Visit | None:
        return next((v for v in self.visits if v.place == place), None)


@dataclasses.dataclass
class Passage:
    """An opportunity at a stage, under a definition."""

    place: int
    entry_rep: str | None
    became: str
    won: bool
    counts: bool = True
    alone: bool = False
    span: tuple[int, int] | None = None


def order(event: tuple[int, str, str]) -> tuple[int, int, str, str]:
    day, stage, rep = event
    place = STAGES.index(stage) if stage in STAGES else 100 + OUTCOMES.index(stage)
    return day, place, stage, rep


def look(path: Path, until: int) -> Seen | None:
    """See an opportunity as of the end of a day; None where nothing was known of it."""
    steps: Path = []
    for day, stage, rep in sorted((e for e in path if e[0] <= until), key=order):
        same_stage = bool(steps) and steps[-1][1] == stage
        if same_stage and (stage in OUTCOMES or steps[-1][2] == rep):
            continue
        steps.append((day, stage, rep))
    if not steps:
        return None
    visits = []
    for here, after in zip(steps, [*steps[1:], None], strict=True):
        if here[1] in OUTCOMES:
            continue
        place = STAGES.index(here[1]) + 1
        left = after[0] if after else None
        visits.append(Visit(place, here[2], here[0], left, way_out(place, after)))
    last = steps[-1]
    if last[1] in OUTCOMES:
        return Seen(visits, last[1].lower(), last[0], last[2], until)
    return Seen(visits, "open", None, None, until)


def way_out(place: int, after: tuple[int, str, str] | None) -> str:
    if after is None:
        return "open"
    if after[1] in OUTCOMES:
        return after[1].lower()
    then = STAGES.index(after[1]) + 1
    return "handed off" if then == place else "advanced" if then > place else "back"


def to_depth(seen: Seen, depth: int, deepest: int) -> list[Passage]:
    """One passage per stage up to a depth."""
    found = []
    for place in range(1, min(depth, len(STAGES)) + 1):
        entry = seen.first(place)
        later = [v for v in seen.visits if v.place > place]
        rep = entry.rep if entry else later[0].rep if later else seen.final_rep
        if depth > place:
            became = "moved on"
        elif seen.outcome != "open":
            became = seen.outcome
        else:
            became = "back" if seen.visits[-1].place < deepest else "open"
        found.append(Passage(place, rep, became, depth == WON))
    return found


def reached(seen: Seen) -> list[Passage]:
    return to_depth(seen, WON if seen.outcome == "won" else seen.deepest, seen.deepest)


def decided(seen: Seen) -> list[Passage]:
    return reached(seen) if seen.outcome in ("won", "lost") else []


def strict(seen: Seen) -> list[Passage]:
    depth = 0
    for visit in seen.visits:
        depth += visit.place == depth + 1
    full = seen.outcome == "won" and depth == len(STAGES)
    found = to_depth(seen, WON if full else depth, depth)
    for passage in found:
        if passage.became == "won":
            passage.became = "won past a stage"
    return found


def touch(seen: Seen) -> list[Passage]:
    """The stages ever entered; `became` says whether the next was entered too."""
    been = {v.place for v in seen.visits} | ({WON} if seen.outcome == "won" else set())
    found = []
    for place in sorted(been):
        after = WON if place == len(STAGES) else place + 1
        entry = seen.first(place)
        became = "moved on" if after in been else seen.outcome
        rep = entry.rep if entry else seen.final_rep
        found.append(Passage(place, rep, became, seen.outcome == "won"))
    return found


def decided_touched(seen: Seen) -> list[Passage]:
    return touch(seen) if seen.outcome in ("won", "lost") else []


def visit(seen: Seen, *, finished: bool = False) -> list[Passage]:
    out = ("open", "handed off", "cancelled") if finished else ()
    return [
        Passage(
            v.place,
            v.rep,
            "moved on" if v.exit in ("advanced", "won") else v.exit,
            v.exit == "won",
            v.exit not in out,
            alone=True,
        )
        for v in seen.visits
    ]


def in_period(seen: Seen, first: int, last: int) -> list[Passage]:
    found = []
    for place in range(1, len(STAGES) + 1):
        stays = [
            v
            for v in seen.visits
            # A period begins with its first day and ends with the last moment of its last.
            if v.place == place and v.entered <= last and (v.left is None or v.left > first)
        ]
        if not stays:
            continue
        ends = [v.exit if v.left is not None and v.left <= last else "open" for v in stays]
        moved = any(end in ("advanced", "won") for end in ends)
        became = "moved on" if moved else ends[-1]
        found.append(Passage(place, stays[0].rep, became, "won" in ends, span=(first, last)))
    return found


def within(seen: Seen, path: Path, days: int) -> list[Passage]:
    found = []
    for place in range(1, len(STAGES) + 1):
        entry = seen.first(place)
        if entry is None:
            continue
        at = seen.visits.index(entry)
        closings = [
            (day, stage.lower())
            for day, stage in outcomes_of(path, seen.until)
            if day >= entry.entered
        ]
        onward = [v.entered for v in seen.visits[at + 1 :] if v.place > place]
        onward += [day for day, outcome in closings if outcome == "won"]
        ended = [outcome for day, outcome in closings if day - entry.entered <= days]
        mature = seen.until - entry.entered >= days
        if not mature:
            became = "immature"
        elif onward and min(onward) - entry.entered <= days:
            became = "moved on"
        else:
            became = ended[-1] if ended else "open"
        won = bool(ended) and ended[-1] == "won"
        found.append(Passage(place, entry.rep, became, won, mature))
    return found


def outcomes_of(path: Path, until: int) -> list[tuple[int, str]]:
    """Every outcome it had, in order, reopened ones included."""
    found: list[tuple[int, str]] = []
    before = None
    for day, stage, _ in sorted((e for e in path if e[0] <= until), key=order):
        if stage in OUTCOMES and stage != before:
            found.append((day, stage))
        before = stage
    return found


def estimate(seen: Seen) -> list[tuple[Passage, tuple[int, str], tuple[int, str]]]:
    """Each stage really entered, with the days to the first outcome and to the last."""
    found = []
    for place in range(1, len(STAGES) + 1):
        entry = seen.first(place)
        if entry is None:
            continue
        at = seen.visits.index(entry)
        onward = [v.entered for v in seen.visits[at + 1 :] if v.place > place]
        closed = seen.closed if seen.closed is not None else seen.until
        ending = (closed - entry.entered, seen.outcome)
        first = (onward[0] - entry.entered, "moved on") if onward else ending
        if first[1] == "won":
            first = (first[0], "moved on")
        became = first[1]
        if became == "open" and seen.visits[-1].place < place:
            became = "back"
        found.append((Passage(place, entry.rep, became, seen.outcome == "won"), first, ending))
    return found


def shares(seen: Seen, passage: Passage, credit: str) -> dict[str | None, Fraction]:
    """Whose a passage is; the shares add up to 1."""
    if credit == "final":
        return {seen.final_rep: Fraction(1)}
    if credit == "first":
        return {seen.first_rep: Fraction(1)}
    if credit == "at_entry" or passage.alone:
        return {passage.entry_rep: Fraction(1)}
    held: dict[str | None, int] = {}
    for v in seen.visits:
        if passage.place in (v.place, WON):
            begin, end = v.entered, v.left if v.left is not None else seen.until
            if passage.span:
                begin, end = max(begin, passage.span[0]), min(end, passage.span[1])
            held[v.rep] = held.get(v.rep, 0) + max(0, end - begin)
    total = sum(held.values())
    if not total:
        return {passage.entry_rep: Fraction(1)}
    return {rep: Fraction(days, total) for rep, days in held.items() if days}


def incidence(rows: list[tuple[int, str, Fraction]], what: str, day: float) -> Fraction:
    """Aalen-Johansen by its definition: the undecided before each day, times the share of it."""
    undecided, total = Fraction(1), Fraction(0)
    for time in sorted({time for time, _, _ in rows if time <= day}):
        at_risk = sum((w for t, _, w in rows if t >= time), Fraction(0))
        here = [(outcome, w) for t, outcome, w in rows if t == time and outcome != "open"]
        total += (
            undecided * sum((w for outcome, w in here if outcome == what), Fraction(0)) / (at_risk)
        )
        undecided *= 1 - sum((w for _, w in here), Fraction(0)) / at_risk
    return total


def sojourns(seen: Seen) -> list[tuple[int, str, int, bool]]:
    """Stays joined across hand-overs: place, rep at the entry, days, whether it ended."""
    found = []
    handed = False
    for v in seen.visits:
        end = v.left if v.left is not None else seen.until
        if handed:
            place, rep, begin, _, _ = found.pop()
            found.append((place, rep, begin, end, v.exit != "open"))
        else:
            found.append((v.place, v.rep, v.entered, end, v.exit != "open"))
        handed = v.exit == "handed off"
    return [(place, rep, end - begin, ended) for place, rep, begin, end, ended in found]
