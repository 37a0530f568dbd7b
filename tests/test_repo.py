"""What may not be in the repository: places on one machine, addresses, large files, reminders."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LARGEST = 2_000_000  # bytes


def joined(*cut: str) -> list[str]:
    """Give words written with a gap, so that this file does not say what no file may say."""
    return [word.replace("~", "") for word in cut]


PLACES = joined("/wo~rk/", r"/ro~ot\b", "/ho~me/[a-z]")
SHORT_LIVED = joined("/t~mp/")
REGISTRIES = joined("py~pi.org", "python~hosted.org", "npm~js.org", "npm~js.com")
REGISTRIES += joined("deb.deb~ian.org", "ana~conda.org", "ana~conda.com")
CDNS = joined("js~delivr", "un~pkg", "cdn~js", "google~apis", "gst~atic")
REMINDERS = joined("TO~DO", "FIX~ME", "XX~X")


def files() -> list[Path]:
    """Give what git keeps, and what it would keep if all were added."""
    asked = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    asked += ["--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("needs a git checkout")
    names = sorted(set(filter(None, listed.stdout.split("\0"))))
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Give the numbered lines of a text file, nothing for a picture or a workbook."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    yield from enumerate(text.splitlines(), start=1)


def said(patterns: list[str], paths: list[Path]) -> list[str]:
    """Find the lines that match one of the patterns."""
    any_of = re.compile("|".join(patterns))
    return [
        f"{path.name}:{number}: {found.group()}"
        for path in paths
        for number, line in lines(path)
        if (found := any_of.search(line))
    ]


def alone(words: list[str]) -> list[str]:
    """Make patterns that do not match inside a longer word or an encoded picture."""
    return [rf"(?<![\w+/]){word}" for word in words]


def hosts(names: list[str]) -> list[str]:
    """Make patterns of hosts, which match wherever in an address they stand."""
    return [re.escape(name) for name in names]


def whole(words: list[str]) -> list[str]:
    return [rf"{word}(?![\w+/])" for word in alone(words)]


def test_there_are_files() -> None:
    """Rules that look at no file hold for nothing."""
    assert ROOT / "pyproject.toml" in files()


def test_no_place_on_one_machine() -> None:
    """A clone works wherever it lies, so no file names the folder it was written in."""
    assert said(alone(PLACES), files()) == []


def test_no_folder_that_does_not_last() -> None:
    """Only tests may speak of such a folder, and mostly they use ``tmp_path``."""
    outside = [path for path in files() if ROOT / "tests" not in path.parents]
    assert said(alone(SHORT_LIVED), outside) == []


def test_no_registry() -> None:
    """Where packages come from is the business of the machine's own settings."""
    assert said(hosts(REGISTRIES), files()) == []


def test_no_cdn() -> None:
    """Reports and pages work with the network off, so nothing is fetched from anywhere."""
    assert said(hosts(CDNS), files()) == []


def test_no_large_file() -> None:
    """A clone is quick, and real exports stay out."""
    large = {path.name: path.stat().st_size for path in files()}
    assert {name: size for name, size in large.items() if size > LARGEST} == {}


def test_no_reminders() -> None:
    """What is left to do is written where work is planned."""
    assert said(whole(REMINDERS), files()) == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (alone(PLACES), "see /wo~rk/main"),
        (alone(PLACES), "HOME=/ro~ot"),
        (alone(PLACES), "'/ho~me/ann/enablement'"),
        (alone(SHORT_LIVED), 'open("/t~mp/x")'),
        (hosts(REGISTRIES), "https://files.python~hosted.org/packages"),
        (hosts(REGISTRIES), "index-url = py~pi.org/simple"),
        (hosts(CDNS), '<script src="https://cdn.js~delivr.net/npm/vega">'),
        (hosts(CDNS), "fonts.google~apis.com"),
        (whole(REMINDERS), "# TO~DO: rates"),
    ],
)
def test_each_word_is_found(words: list[str], line: str, tmp_path: Path) -> None:
    """A line that says what may not be said is found, with its number."""
    path = tmp_path / "page.md"
    path.write_text("\n".join(["first", *joined(line)]), encoding="utf-8")
    assert [found.rpartition(": ")[0] for found in said(words, [path])] == ["page.md:2"]


@pytest.mark.parametrize("line", ["net/wo~rk/stage", "+/ro~ot/TO~DO/9", "the home/office split"])
def test_no_false_alarm(line: str, tmp_path: Path) -> None:
    """Part of a longer word or of an encoded picture is no offence."""
    path = tmp_path / "page.md"
    path.write_text(joined(line)[0], encoding="utf-8")
    assert said([*alone(PLACES), *hosts(CDNS), *whole(REMINDERS)], [path]) == []
