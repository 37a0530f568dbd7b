"""How each opportunity stood at a moment: open or not, whose, worth how much, due when."""

from __future__ import annotations

import pandas as pd

from enablement.errors import CannotSayError
from enablement.measure import counting, definitions
from enablement.read import engine
from enablement.read.crm import CRM
from enablement.read.engine import Kept


def table(crm: CRM, until: pd.Timestamp, renewals: str) -> Kept:
    """Give a table with one row per opportunity that was known at a moment.

    Its columns are opportunity_id, outcome, closed_at, began_at, rep_id (who owned it then),
    amount and expected_close.
    """
    said = {
        "until": until.to_pydatetime(),
        "amounts": counting.amounts_known(crm, until),
        "due_dates": "now" if until.date() >= crm.seen_until else "then",
    }
    tables = definitions.seen_tables(crm, until, renewals)
    return Kept(engine.text("measure", "standing"), tables, said)


def check_due(crm: CRM, until: pd.Timestamp, what: str) -> None:
    """Refuse a moment at which it is not known when the open ones were to close.

    Raises
    ------
    CannotSayError
        If an earlier state, or the expected close dates of then, are not recorded.
    """
    definitions.check_past(crm, until, what)
    past = until.date() < crm.seen_until
    if not crm.has("stage_events" if past else "opportunities", "expected_close"):
        where = "history does not record the" if past else "opportunities have no"
        raise CannotSayError(
            f"{what} cannot be said: the {where} expected close dates.",
            lacks=f"no {'history of ' if past else ''}expected close dates",
        )
