"""The names of a file's columns, compared the way a reader would: case and white space aside."""

from __future__ import annotations

import collections
import difflib
import functools
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping

# Spreadsheets and word processors swap these; a header means the same with either.
TWINS = str.maketrans({"’": "'", "‘": "'", "´": "'", "`": "'", **dict.fromkeys("“”„«»″", '"')})
NEAR = 0.85


def tidy(header: str) -> str:
    """Take white space of every kind together, and straighten quotation marks."""
    return " ".join(unicodedata.normalize("NFKC", header).translate(TWINS).split())


def fold(header: str) -> str:
    """Write a header as it is compared: tidy, upper and lower case the same."""
    return unicodedata.normalize("NFKC", tidy(header).casefold())


def letters(header: str) -> str:
    """Write a header as letters and digits alone, so that `deal_stage` is `Deal Stage`."""
    return re.sub(r"[\W_]+", "", fold(header))


class Headers:
    """The headers of one file, found by any of the names they may have.

    Parameters
    ----------
    names : as they stand in the file
    written : how two names are compared: `fold` or `letters`
    """

    def __init__(self, names: Iterable[str], *, written: Callable[[str], str] = fold) -> None:
        self.names = list(names)
        self._written = written
        self._places: dict[str, str] = {}
        for name in self.names:
            self._places.setdefault(written(name), name)

    def find(self, wanted: Iterable[str]) -> list[str]:
        """List the headers that are there under any of the names, in the order of the names."""
        found = (self._places.get(self._written(name)) for name in wanted)
        return list(dict.fromkeys(name for name in found if name is not None))

    def near(self, wanted: Iterable[str]) -> str | None:
        """Find a header that is nearly one of the names, as a slip of the keyboard leaves it.

        Compared are those that begin or end alike: a file may have thousands of columns.
        """
        for name in wanted:
            word = letters(name)
            alike = {*self._alike[word[:2]], *self._alike["…" + word[-2:]]}
            close = difflib.get_close_matches(word, sorted(alike), n=1, cutoff=NEAR)
            if close:
                return next(header for header in self.names if letters(header) == close[0])
        return None

    @functools.cached_property
    def _alike(self) -> Mapping[str, set[str]]:
        """Sort the headers by their first and by their last two letters."""
        sorted_in: dict[str, set[str]] = collections.defaultdict(set)
        for word in map(letters, self.names):
            sorted_in[word[:2]].add(word)
            sorted_in["…" + word[-2:]].add(word)
        return sorted_in

    def dated(self, patterns: Iterable[re.Pattern[str]]) -> dict[str, tuple[str, str | None]]:
        """Find the columns with the day a stage was entered: header -> stage and pipeline.

        Of two columns for one stage the earlier pattern's holds, because a CRM keeps its
        older columns beside the newer ones.
        """
        found: dict[str, tuple[str, str | None]] = {}
        for pattern in patterns:
            said = set(found.values())
            for header in self.names:
                part = pattern.fullmatch(tidy(header))
                meant = _stage(part.groupdict()) if part else None
                if meant is not None and header not in found and meant not in said:
                    found[header] = meant
        return found


def _stage(parts: Mapping[str, str | None]) -> tuple[str, str | None]:
    pipeline = parts.get("pipeline")
    return (parts["stage"] or "").strip(), pipeline.strip() if pipeline else None
