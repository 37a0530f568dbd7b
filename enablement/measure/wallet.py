"""Share of wallet: how much of what accounts could spend they spend with us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from enablement.errors import CannotSayError
from enablement.measure import counting, definitions, exchange
from enablement.measure.definitions import Split
from enablement.periods import moment
from enablement.read.crm import CRM
from enablement.read.engine import View

ACCOUNTS = {
    "customers": "accounts that had won one by then",
    "all": "all accounts, prospects too",
}
WALLET = (
    "amount won in the year until {until} / yearly potential as exported; of {accounts}; an "
    "account is that of the owner of its latest opportunity"
)
# Each account once: of rows that contradict each other the one with the most potential.
ONCE = """
    select * from listed_accounts where account_id is not null
    qualify row_number() over (partition by account_id
                               order by potential desc nulls last, first_won_on, name) = 1
"""
COUNTS = ["accounts", "untouched", "over", "without_potential"]
COLUMNS = [
    *("accounts", "won", "potential", "rate", "median", "untouched", "over"),
    *("without_potential", "won_without_potential"),
]


def share_of_wallet(
    crm: CRM,
    *,
    as_of: object,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
    accounts: str = "customers",
    renewals: str = "counted",
) -> pd.DataFrame:
    """Amount won in the last year, of what the accounts could spend in one.

    There is no interval: nothing is sampled, and how far off a potential is, nobody recorded.
    Where many accounts spend more than their potential, it is the potential that is wrong.

    Parameters
    ----------
    crm : as `enablement.load` gives it
    as_of : the last moment whose events may be seen, and the end of the year
    by : None, ``rep``, a column of the reps, or one of the accounts such as segment or
        industry, or several. An account belongs to the owner of its latest opportunity
    where : column -> the one value to count
    accounts : ``customers`` (that had won one by then) or ``all``, prospects too
    renewals : ``counted`` or ``left out``

    Returns
    -------
    pandas.DataFrame
        One row per group::

            (group)       text   the columns of `by`; a rep's is rep_id, missing for accounts
                                 without an opportunity
            accounts      int    those whose potential is known
            won           float  amount that they bought in the year
            potential     float  what they could spend in a year, as it is known today
            rate          float  won / potential; missing where there is none
            median        float  of the same, account by account
            untouched     int    of those accounts, the ones that bought nothing in the year
            over          int    the ones that bought more than their potential
            without_potential
                          int    other accounts: not in the figures
            won_without_potential
                          float  amount that those bought

        ``attrs["without_account"]`` has how many won ones of the year name no account that is
        known, ``attrs["warning"]`` whether the export goes back a whole year.

    Raises
    ------
    CannotSayError
        If no account has a potential, or there are no amounts, or several currencies without
        rates.

    Notes
    -----
    The share of an account's spending in the category (Bain & Company, share of wallet); the
    potential is the only estimate of that spending which a CRM has.
    """
    definitions.check_word("accounts", accounts, tuple(ACCOUNTS))
    definitions.check_word("renewals", renewals, definitions.RENEWALS)
    until = moment(as_of)
    _check(crm)
    groups = definitions.split(crm, by, where, table="accounts")
    begins = until - pd.DateOffset(years=1)
    won = _won(crm, until, begins, renewals)
    counted = _counted(crm, groups, won, until, accounts)
    table = _rated(definitions.everybody(crm, counted, groups), counted, groups)
    named = won["account_id"].isin(crm.values("accounts", "account_id"))
    return definitions.describe(
        table[[*groups.columns, *COLUMNS]],
        definition=WALLET.format(until=f"{until:%Y-%m-%d}", accounts=ACCOUNTS[accounts])
        + exchange.said(crm, Split((), ()), until)
        + definitions.left_out(crm, renewals)
        + str(groups),
        until=until,
        crm=crm,
        currency=exchange.currency(crm, groups),
        without_account=int(won.loc[~named, "in_year"].sum()),
        warning=_warning(crm, begins),
        groups=groups.columns,
        labels=definitions.labels(crm, groups),
        credit="owner of the account's latest opportunity",
    )


def _check(crm: CRM) -> None:
    """Refuse what the export does not carry."""
    if not crm.has("accounts", "potential"):
        raise CannotSayError(
            "Share of wallet cannot be said: no account has a potential. Export the accounts with "
            "what they could spend in a year, and name its column: [columns.accounts] potential.",
            lacks="no potential of accounts",
        )
    if not crm.has("opportunities", "account_id"):
        raise CannotSayError(
            "Share of wallet cannot be said: no opportunity names its account. Export account_id "
            "with the opportunities too.",
            lacks="no accounts of opportunities",
        )
    exchange.check(crm, Split((), ()))


def _won(crm: CRM, until: pd.Timestamp, begins: pd.Timestamp, renewals: str) -> pd.DataFrame:
    """Sum what each account bought in the year, and count what it ever did."""
    return counting.ask(
        crm,
        counting.Question(
            Split((), ()),
            ("wins",),
            until=until,
            renewals=renewals,
            said={
                **{"of": "value", "credit": "final", "owners_known": crm.owner_history},
                "begins": begins.to_pydatetime(),
            },
            select=f"""
            select o.account_id, count(*) as ever,
                   count(*) filter (p.cohort_at > $begins) as in_year,
                   coalesce(sum(k.amount) filter (p.cohort_at > $begins), 0) as won,
                   min(k.lacks) filter (p.cohort_at > $begins) as {exchange.LACKS}
        """,
            group="group by all",
        ),
    )


def _counted(
    crm: CRM,
    groups: Split,
    won: pd.DataFrame,
    until: pd.Timestamp,
    accounts: str,
) -> pd.DataFrame:
    """Sum the accounts of each group."""
    sql = f"""
        with latest as (
            select x.account_id,
                   arg_max(s.final_rep, (coalesce(s.began_at, s.closed_at), x.shown_id))
                       as rep_id
            from states s join opportunities x using (opportunity_id)
            group by x.account_id
        ),
        held as (
            select o.*, l.rep_id, coalesce(w.won, 0) as won, o.potential > 0 as told,
                   coalesce(w.won, 0) / nullif(o.potential, 0) as share
            from accounts o
            left join won w using (account_id)
            left join latest l using (account_id)
            where $accounts = 'all' or coalesce(w.ever > 0, false)
               or coalesce(o.first_won_on <= $until, false)
        )
        select {groups.select()}
               count(*) filter (o.told) as accounts,
               sum(o.won) filter (o.told) as won,
               sum(o.potential) filter (o.told) as potential,
               median(o.share) filter (o.told) as median,
               count(*) filter (o.told and o.won = 0) as untouched,
               count(*) filter (o.told and o.won > o.potential) as over,
               count(*) filter (o.told is not true) as without_potential,
               coalesce(sum(o.won) filter (o.told is not true), 0) as won_without_potential
        from held o
        left join reps r on r.rep_key = o.rep_id
        where {groups.limit()}
        group by all
    """
    tables = {
        **definitions.seen_tables(crm, until, "counted"),
        "accounts": View(ONCE, {"listed_accounts": crm.sources["accounts"]}),
        "won": won,
    }
    return crm.session.query(sql, tables, {"until": until.to_pydatetime(), "accounts": accounts})


def _rated(shown: pd.DataFrame, counted: pd.DataFrame, groups: Split) -> pd.DataFrame:
    keys = list(groups.columns)
    table = shown.merge(counted, on=keys, how="left") if keys else counted
    table[COUNTS] = table[COUNTS].fillna(0).astype("int64")
    sums = ["won", "potential", "won_without_potential"]
    table[sums] = table[sums].fillna(0.0)
    return table.assign(rate=table["won"] / table["potential"].where(table["potential"] > 0))


def _warning(crm: CRM, begins: pd.Timestamp) -> str:
    """Say where the export does not go back a whole year."""
    found = [crm.first("opportunities", name) for name in ("created_at", "closed_at")]
    first = min((each for each in found if each is not None), default=None)
    if first is None or first <= begins:
        return ""
    return (
        f"The first opportunity of the export is of {first:%Y-%m-%d}, so what was won before, in "
        "the same year, is missing."
    )
