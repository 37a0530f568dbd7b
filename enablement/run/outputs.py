"""Where results are written: at the place that was named, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

from enablement.errors import EnablementError, choices


def check(path: Path, kinds: tuple[str, ...]) -> None:
    """Refuse a place where no file can be put, before the work is done that is to lie there.

    Raises
    ------
    EnablementError
        If the name ends otherwise, there is no such folder, or something else bears the name.
    """
    if path.suffix.lower() not in kinds:
        several = f"ends in none of {', '.join(kinds)}"
        what = several if len(kinds) > 1 else f"does not end in {kinds[0]}"
        raise EnablementError(f"{path} {what}.")
    if not os.path.isdir(path.parent):
        beside = path.parent.parent
        names = sorted(p.name for p in beside.iterdir() if p.is_dir()) if beside.is_dir() else []
        raise EnablementError(
            f"There is no folder {path.parent}. {choices(path.parent.name, names)}"
        )
    try:
        there = path.lstat()
    except FileNotFoundError:
        there = None
    except OSError as error:  # such as a name that is too long
        raise _unwritten(path, error) from error
    if not os.access(path.parent, os.W_OK):
        raise EnablementError(f"Nothing may be written in {path.parent}. Name another folder.")
    if there is not None and not os.path.isfile(path):
        raise EnablementError(
            f"{path} is a folder, a device or a link to nothing. Name another file."
        )


def spare(path: Path, used: Iterable[Path]) -> None:
    """Refuse to write over a file that the export was read from.

    Raises
    ------
    EnablementError
        Naming it.
    """
    if path.resolve() in {one.resolve() for one in used}:
        raise EnablementError(f"{path.name} is a file of the export. Name another one.")


def write(path: Path, into: Callable[[Path], object]) -> None:
    """Write a file under a hidden name, and give it its own when it is whole.

    A link is replaced, and not followed. What was there stays where something fails.

    Raises
    ------
    EnablementError
        If it cannot be written there.
    """
    part = path.parent / f".{secrets.token_hex(8)}{path.suffix}"
    try:
        into(part)
        part.replace(path)
    except OSError as error:
        raise _unwritten(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _unwritten(path: Path, error: OSError) -> EnablementError:
    return EnablementError(f"{path.name} cannot be written: {error.strerror or error}.")
