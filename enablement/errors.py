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
    from difflib import get_close_matches

    listed = ", ".join(str(name) for name in known) or "none"
    folded = {str(name).casefold(): str(name) for name in known}
    near = get_close_matches(str(value).casefold(), list(folded), n=1, cutoff=0.6)
    hint = f" Did you mean {folded[near[0]]!r}?" if near else ""
    return f"Known: {listed}.{hint}"
