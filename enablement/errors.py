"""What the package says when it cannot go on: one clear line, and the way out."""


class EnablementError(Exception):
    """Something the reader can put right; the message says how."""


class SettingsError(EnablementError):
    """The workspace's settings do not fit the package or the export."""


class ExportError(EnablementError):
    """A file of the export cannot be read as what it should be."""


class EngineError(EnablementError):
    """A database cannot be asked in its own words what the package's engine is asked."""


class CannotSayError(EnablementError):
    """The data do not carry the answer; the message names what is missing.

    lacks : the same in a few words, such as ``no created dates``
    """

    def __init__(self, message: str, *, lacks: str = "") -> None:
        super().__init__(message)
        self.lacks = lacks


class NoPlanError(SettingsError, CannotSayError):
    """There is no plan, so nothing can be said of a goal."""


def choices(value: object, known: list[str]) -> str:
    """Name what would have worked, and the nearest known name.

    Parameters
    ----------
    value : what was given
    known : every name that would have worked

    Returns
    -------
    str
        Such as ``Known: rep, team. Did you mean 'rep'?``
    """
    listed = ", ".join(str(name) for name in known) or "none"
    return f"Known: {listed}.{nearest(value, known)}"


def nearest(value: object, known: list[str], *, cutoff: float = 0.6) -> str:
    """Name the nearest known name alone, where to list all would be too much; "" if none is near.

    Parameters
    ----------
    value : what was given
    known : every name that would have worked
    cutoff : how near it must be, 0 to 1

    Returns
    -------
    str
        Such as `` Did you mean 'rep'?``
    """
    from difflib import get_close_matches

    folded = {str(name).casefold(): str(name) for name in known}
    near = get_close_matches(str(value).casefold(), list(folded), n=1, cutoff=cutoff)
    return f" Did you mean {folded[near[0]]!r}?" if near else ""
