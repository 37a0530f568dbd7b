"""The grammar of web addresses, read when one is checked.

Altair and nbformat bring `jsonschema`, which brings `rfc3987_syntax`, and that reads the grammar of
addresses in any script when it is first imported: more than a second in every kernel, though no
chart and no notebook has such an address checked.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

NAME = "rfc3987_syntax"


def defer() -> None:
    """Put a stand-in where the grammar would be: it reads the grammar when it is asked for it."""
    if NAME in sys.modules or (spec := importlib.util.find_spec(NAME)) is None:
        return
    stand_in = ModuleType(NAME)

    def grammar() -> Any:
        if sys.modules.get(NAME) is stand_in:
            del sys.modules[NAME]
        return importlib.import_module(NAME)

    def is_valid_syntax(term: str, value: str) -> bool:
        return bool(grammar().is_valid_syntax(term, value))

    # An import asks for the path; without one of its own the stand-in would read the grammar then.
    stand_in.__spec__, stand_in.__path__ = spec, spec.submodule_search_locations or []
    names = {"is_valid_syntax": is_valid_syntax}
    vars(stand_in).update(names, __getattr__=lambda name: getattr(grammar(), name))
    sys.modules[NAME] = stand_in
