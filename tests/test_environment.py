"""The three lists of packages say the same: pyproject.toml, environment.yml, requirements.lock."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]

ON_CONDA_FORGE = {  # only the names that differ
    "bleach": "bleach-with-css",  # the extra of pip is a package of its own
    "duckdb": "python-duckdb",
    "ibis-framework": "ibis-postgres",  # the one backend of it that the tests need
    "playwright": "playwright-python",
}
CONDA_ONLY = {"pip"}  # conda has to be told
APART = {"spark"}  # the extra that `make test-spark` installs in an environment of its own

Bounds = dict[str, str]


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def environment() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def lock() -> list[str]:
    """Give the lock's requirements, one a line, without the comments."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    joined = text.replace("\\\n", " ").splitlines()
    return [line.strip() for line in joined if line.strip() and not line.startswith("#")]


def bounds(requirements: list[str]) -> Bounds:
    """Give name and bounds, in one spelling: ``>=6.0,<7`` and ``<7, >=6.0`` are the same."""
    parsed = [Requirement(text) for text in requirements]
    return {canonicalize_name(r.name): str(r.specifier) for r in parsed}


def wanted(project: dict[str, Any]) -> list[str]:
    """Give what the package and its extras ask for, but for what stands apart."""
    table = project["project"]
    extras = [of for extra, of in table["optional-dependencies"].items() if extra not in APART]
    return [*table["dependencies"], *(text for extra in extras for text in extra)]


def given(environment: dict[str, Any]) -> Bounds:
    """Give what environment.yml asks of conda-forge and of pip, under pyproject's names."""
    ours = {conda: name for name, conda in ON_CONDA_FORGE.items()}
    conda = bounds([entry for entry in environment["dependencies"] if isinstance(entry, str)])
    asked = {ours.get(name, name): bound for name, bound in conda.items()}
    return asked | bounds([entry for entry in from_pip(environment) if entry != "-e ."])


def from_pip(environment: dict[str, Any]) -> list[str]:
    return next(e["pip"] for e in environment["dependencies"] if isinstance(e, dict))


def differences(project: dict[str, Any], environment: dict[str, Any]) -> list[str]:
    """Say where the two part, in either direction."""
    left = bounds([*wanted(project), f"python {project['project']['requires-python']}"])
    right = given(environment)
    missing = [f"environment.yml lacks {name}" for name in left.keys() - right.keys()]
    surplus = [f"pyproject.toml lacks {name}" for name in right.keys() - left.keys() - CONDA_ONLY]
    unequal = [
        f"{name}: {left[name]} in pyproject.toml, {right[name]} in environment.yml"
        for name in left.keys() & right.keys()
        if left[name] != right[name]
    ]
    return sorted(missing + surplus + unequal)


def versions(locked: list[str]) -> dict[str, list[Requirement]]:
    """Give the lock's entries by name; a package may have one per Python or system."""
    found: dict[str, list[Requirement]] = {}
    for line in locked:
        requirement = Requirement(re.split(r"\s--hash=", line)[0])
        found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def out_of_bounds(requirements: list[str], locked: list[str]) -> list[str]:
    """Say which requirements the lock does not meet."""
    found = versions(locked)
    problems = []
    for requirement in map(Requirement, requirements):
        pins = found.get(canonicalize_name(requirement.name), [])
        if not pins:
            problems.append(f"{requirement.name} is not locked")
        for pin in pins:
            version = str(pin.specifier).removeprefix("==")
            if not requirement.specifier.contains(version, prereleases=True):
                problems.append(f"{requirement} is locked at {version}")
    return problems


def test_conda_and_pip_get_the_same() -> None:
    """environment.yml and pyproject.toml name the same packages with the same bounds."""
    assert differences(project(), environment()) == []


def test_conda_forge_alone() -> None:
    """Nothing comes from Anaconda's own channel, whose licence many companies may not accept."""
    assert environment()["channels"] == ["conda-forge", "nodefaults"]


def test_the_package_itself_comes_last() -> None:
    """By then pip finds everything installed, and adds only the package."""
    assert from_pip(environment())[-1] == "-e ."


@pytest.mark.parametrize(
    ("line", "instead", "complaint"),
    [
        ("rich >=14", "rich >=13", "rich: >=14 in pyproject.toml, >=13 in environment.yml"),
        ("rich >=14", "rich", "rich: >=14 in pyproject.toml,  in environment.yml"),
        ("rich >=14", "poor >=14", "environment.yml lacks rich"),
        ("python-duckdb >=2.0,<3", "duckdb-cli", "environment.yml lacks duckdb"),
        ("pip", "polars >=1", "pyproject.toml lacks polars"),
    ],
)
def test_a_difference_is_seen(line: str, instead: str, complaint: str) -> None:
    """A bound that moved, a name that went and a name that came are each reported."""
    changed = environment()
    changed["dependencies"][changed["dependencies"].index(line)] = instead
    assert complaint in differences(project(), changed)


def test_every_locked_package_is_pinned_and_hashed() -> None:
    """What is installed is exactly what was tried, or nothing."""
    loose = [line for line in lock() if not re.match(r"[\w.-]+==[\w.+!]+ .*--hash=sha256:", line)]
    assert lock()
    assert loose == []


def test_the_lock_names_no_address() -> None:
    """Where packages come from is the business of the machine's own settings."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert not [line for line in lock() if line.startswith("-")]


def test_the_lock_holds_the_tools() -> None:
    """Installing in place needs hatchling; ``make lock`` needs uv."""
    assert {"hatchling", "uv"} <= versions(lock()).keys()


def test_the_lock_meets_every_bound() -> None:
    """Each requirement of the package, its extras and its build is locked within its bounds."""
    asked = [*wanted(project()), *project()["build-system"]["requires"]]
    assert out_of_bounds(asked, lock()) == []


def test_a_lock_out_of_bounds_is_seen() -> None:
    """A requirement that moved on, and one that was never locked, are each reported."""
    locked = [
        "rich==14.0 --hash=sha256:00",
        "scipy==1.17 ; python_version < '3.12' --hash=sha256:0",
    ]
    assert out_of_bounds(["rich>=15", "numpy>=2", "scipy>=1.15"], locked) == [
        "rich>=15 is locked at 14.0",
        "numpy is not locked",
    ]


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_each_python_gets_one_version(python: str) -> None:
    """On every Python we support the lock gives each requirement exactly one version."""
    here = {"python_version": python, "python_full_version": f"{python}.9"}
    for requirement in map(Requirement, wanted(project())):
        pins = versions(lock())[canonicalize_name(requirement.name)]
        fitting = [pin for pin in pins if applies(pin.marker, here)]
        assert len(fitting) == 1, f"{requirement.name} on {python}: {fitting}"


def applies(marker: Marker | None, here: dict[str, str]) -> bool:
    return marker is None or marker.evaluate(here)
