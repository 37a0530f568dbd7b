"""Money in one currency: converted by the workspace's table of rates, or refused."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from enablement.errors import CannotSayError
from enablement.measure import definitions
from enablement.measure.definitions import Split
from enablement.read import engine
from enablement.read.crm import CRM
from enablement.read.engine import Table, View

LACKS = "lacks"  # the column in which SQL names a currency and a day without a rate
AS_THEY_ARE = (
    "select opportunity_id, 1.0::double as rate, null::varchar as lacks from opportunities"
)
CONVERTED = """
    select w.opportunity_id, w.amount * x.rate as amount, x.rate,
           case when w.amount is not null then x.lacks end as lacks
    from worth w
    join exchanged x using (opportunity_id)
"""
RATES = {
    "close": "at the rate of the close date, open ones at that of {until:%Y-%m-%d}",
    "as_of": "at the rate of {until:%Y-%m-%d}",
}
NO_RATES = (
    "they cannot be added without a table of rates, such as rates.csv with currency, from_on and "
    "rate"
)


def check(crm: CRM, groups: Split) -> None:
    """Refuse amounts that are not there, or that cannot be brought into one currency.

    Raises
    ------
    CannotSayError
        If no amount is known, or there are several currencies, no table of rates, and the
        table neither splits by ``currency`` nor is limited to one.
    """
    if not crm.has("opportunities", "amount"):
        raise CannotSayError(
            "Nothing can be said in money: the export has no amounts.", lacks="no amounts"
        )
    if not addable(crm, groups):
        raise CannotSayError(
            f"The amounts are in {', '.join(definitions.currencies(crm))}; {NO_RATES}.",
            lacks="amounts in several currencies",
        )


def addable(crm: CRM, groups: Split) -> bool:
    """Whether the amounts of a row are, or can be brought, into one currency."""
    return len(definitions.currencies(crm)) < 2 or _apart(groups) or bool(len(crm.rates))


def converts(crm: CRM, groups: Split) -> bool:
    """Whether amounts are converted: where there are several currencies, and rates for them.

    A table that keeps currencies apart, or has one alone, shows each as it is.
    """
    return len(definitions.currencies(crm)) > 1 and not _apart(groups) and bool(len(crm.rates))


def currency(crm: CRM, groups: Split) -> str:
    """Name the currency of a table: the one it is limited to, else that of the amounts.

    Where there are several it is the workspace's, into which they are converted.
    """
    only = [value for _, name, value in groups.only if name == "currency"]
    return only[0] if only else definitions.currency(crm)


def exchanged(crm: CRM, groups: Split, until: pd.Timestamp, tables: Mapping[str, Table]) -> Table:
    """Give what a unit of each opportunity's currency is worth: opportunity_id, rate, lacks.

    Parameters
    ----------
    tables : with ``states``, as they were at `until`
    """
    if not converts(crm, groups):
        return View(AS_THEY_ARE, {"opportunities": tables["opportunities"]})
    sql = f"with {engine.text('measure', 'rates')}{engine.text('measure', 'exchange')}"
    said = {
        "currency": crm.settings.currency,
        "convert_at": crm.settings.convert_at,
        "until": until.to_pydatetime(),
    }
    names = ("opportunities", "states", "rates")
    return View(sql, {name: tables[name] for name in names}, said)


def converted(
    crm: CRM, groups: Split, until: pd.Timestamp, tables: Mapping[str, Table], worth: View
) -> View:
    """Give amounts in the currency of a table: opportunity_id, amount, rate, lacks.

    Parameters
    ----------
    tables : as for `exchanged`
    worth : the same columns, with the amounts as they are
    """
    if not converts(crm, groups):
        return worth
    rates = exchanged(crm, groups, until, tables)
    return View(CONVERTED, {"worth": worth, "exchanged": rates})


def said(crm: CRM, groups: Split, until: pd.Timestamp) -> str:
    """Say for a definition line into what amounts were converted, and at which rates."""
    if not converts(crm, groups):
        return ""
    rates = RATES[crm.settings.convert_at].format(until=until)
    return f"; converted to {crm.settings.currency} {rates}"


def whole(crm: CRM, found: pd.DataFrame) -> pd.DataFrame:
    """Give what was summed, if a rate was known for every amount in it.

    Raises
    ------
    CannotSayError
        If one is missing; it names the currency, the day, and the file that lacks it.
    """
    if LACKS not in found:
        return found
    missing = found[LACKS].dropna()
    if len(missing):
        read = crm.quality.summary
        files = read.loc[read["table"].eq("rates"), "file"]
        raise CannotSayError(
            f"{files.iloc[0] if len(files) else 'rates.csv'} has no rate from {missing.min()} to "
            f"{crm.settings.currency}: add currency, from_on (that day or before) and rate.",
            lacks="no rate for a currency",
        )
    return found.drop(columns=LACKS)


def targets(crm: CRM, quotas: pd.DataFrame) -> pd.DataFrame:
    """Convert quotas that are set in another currency, at the rate of their period's first day.

    Parameters
    ----------
    quotas : rows of the quotas, with ``day``, the first day of their period
    """
    foreign = quotas["currency"].notna() & quotas["currency"].ne(crm.settings.currency)
    if not foreign.any():
        return quotas
    sql = f"""
        with {engine.text("measure", "rates").rstrip().removesuffix(",")}
        select q.* exclude (target),
               q.target * case when q.currency = $currency then 1.0 else w.rate end as target,
               case when q.currency <> $currency and w.rate is null
                    then q.currency || ' on ' || strftime(q.day, '%Y-%m-%d') end as lacks
        from quotas q
        asof left join worths w on w.currency = q.currency and q.day >= w.from_on
    """
    own = quotas.assign(currency=quotas["currency"].fillna(crm.settings.currency))
    tables = {"quotas": own, "rates": crm.sources["rates"]}
    return whole(crm, crm.session.query(sql, tables, {"currency": crm.settings.currency}))


def _apart(groups: Split) -> bool:
    return "currency" in (*groups.columns, *(name for _, name, _ in groups.only))
