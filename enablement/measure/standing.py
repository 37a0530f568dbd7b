"""How each opportunity stood at a moment: open or not, whose, worth how much, due when."""

from __future__ import annotations

import re

import pandas as pd

from enablement.errors import CannotSayError
from enablement.measure import counting, definitions
from enablement.read import engine, visits
from enablement.read.crm import CRM


def text(name: str) -> str:
    """Write the SQL of a table with one row per opportunity that was known at a moment.

    Its columns are opportunity_id, outcome, closed_at, began_at, rep_id (who owned it then),
    amount and expected_close.

    Parameters
    ----------
    name : of the table, which its parameters end with too, so that a query can have several
    """
    states = engine.text("measure", "states").rstrip().removesuffix(",")
    whole = states + "\n" + engine.text("measure", "standing")
    whole = re.sub(r"\$(until|amounts|due_dates)\b", rf"\g<0>_{name}", whole)
    return f"{name} as (\n{whole}),\n"


def parameters(crm: CRM, name: str, until: pd.Timestamp, renewals: str) -> dict[str, object]:
    """Give the parameters that the SQL of `text` names."""
    seen = definitions.seen(crm, until, renewals)
    return {
        "export": seen["export"],
        "renewals": renewals,
        f"until_{name}": seen["until"],
        f"amounts_{name}": counting.amounts_known(crm, until),
        f"due_dates_{name}": "now" if until.date() >= crm.seen_until else "then",
    }


def tables(crm: CRM) -> dict[str, object]:
    """Give the tables that the SQL of `text` reads."""
    return {
        **definitions.seen_tables(crm),
        "stage_events": crm.sources["stage_events"],
        "places": visits.places(crm.settings),
    }


def check_due(crm: CRM, until: pd.Timestamp, what: str) -> None:
    """Refuse a moment at which it is not known when the open ones were to close.

    Raises
    ------
    CannotSayError
        If an earlier state, or the expected close dates of then, are not recorded.
    """
    definitions.check_past(crm, until, what)
    past = until.date() < crm.seen_until
    told = crm.stage_events if past else crm.opportunities
    if told["expected_close"].isna().all():
        where = "history does not record the" if past else "opportunities have no"
        raise CannotSayError(
            f"{what} cannot be said: the {where} expected close dates.",
            lacks=f"no {'history of ' if past else ''}expected close dates",
        )
