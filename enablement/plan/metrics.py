"""The metrics of a goal that are not shared out themselves, as the won amount that they come to."""

from __future__ import annotations

import dataclasses
from typing import Any

from enablement.errors import CannotSayError, SettingsError
from enablement.measure import margins, pipeline, wallet
from enablement.periods import Period
from enablement.plan.goal import Plan
from enablement.read.crm import CRM

MARGIN, WALLET = "margin", "share of wallet"


def in_amount(crm: CRM | None, plan: Plan, period: Period | None) -> tuple[Plan, str]:
    """Say a goal in margin or in share of wallet as one in won amount.

    What reps do is sell; which amount that takes follows from what was sold in the baseline's
    months: the margin that an amount left, and what the accounts could spend.

    Parameters
    ----------
    period : the baseline's months; None without a CRM

    Returns
    -------
    plan : as it is where its metric needs no translation
    says : how it was translated; "" if it was not

    Raises
    ------
    SettingsError
        If more than the whole wallet is wanted.
    CannotSayError
        If the export has no margins, or no potentials; or without a CRM.
    """
    metric = plan.goal.metric
    if crm is None or period is None:
        if metric == WALLET:
            raise CannotSayError(
                "Without a CRM nothing says what accounts could spend, so a share of wallet is "
                "no amount. Say the won amount that it comes to."
            )
        return plan, ""
    if metric == MARGIN:
        return _of_margin(crm, plan, period)
    return _of_wallet(crm, plan, period) if metric == WALLET else (plan, "")


def _of_margin(crm: CRM, plan: Plan, period: Period) -> tuple[Plan, str]:
    share, known, others = margins.margin_share(crm, as_of=period.end, period=period)
    goal = plan.goal
    given: dict[str, Any] = {
        name: value / share
        for name in ("target", "baseline")
        if (value := getattr(goal, name)) is not None
    }
    for name in ("pins", "caps"):
        given[name] = {rep: value / share for rep, value in getattr(goal, name).items()}
    if goal.stated.expected is not None:
        given["stated"] = dataclasses.replace(goal.stated, expected=goal.stated.expected / share)
    unknown = f"; of {others:,} others it is not known" if others else ""
    says = (
        f"The goal is a margin: of {known:,} won in {period} {100 * share:.1f} % of the amount "
        f"stayed as margin{unknown}. All figures here are the won amount that the margin takes at "
        "that share, for every rep the same."
    )
    return _in_money(plan, **given), says


def _of_wallet(crm: CRM, plan: Plan, period: Period) -> tuple[Plan, str]:
    found = wallet.share_of_wallet(crm, as_of=period.end, accounts="all").iloc[0]
    potential, goal = float(found["potential"]), plan.goal
    if goal.pins or goal.caps:
        raise SettingsError(
            f"{plan.origin}: [goal] pins and caps are of single reps, and a share of wallet is of "
            "accounts. Say the goal as won amount to have both."
        )
    present = float(found["rate"]) if goal.baseline is None else goal.baseline
    wanted = goal.reached(present)
    if wanted > 1:
        raise SettingsError(
            f"{plan.origin}: [goal] wants {100 * wanted:.0f} % of the wallet, more than the whole "
            f"of it. A share is between 0 and 1; today it is {present:.3f}."
        )
    sold = pipeline.quota_attainment(crm, as_of=period.end, period=period).iloc[0]["sold"]
    more = (wanted - present) * potential
    says = (
        f"The goal is a share of wallet: from {100 * present:.1f} % to {100 * wanted:.1f} % of the "
        f"{potential:,.0f} that {found['accounts']:,.0f} accounts could spend in a year is "
        f"{more:,.0f} more won amount. All figures here are won amounts, those of accounts "
        "without a known potential included."
    )
    return _in_money(plan, target=float(sold) + more, baseline=None, lift=None), says


def _in_money(plan: Plan, **given: Any) -> Plan:
    goal = dataclasses.replace(plan.goal, metric="won amount", **given)
    return dataclasses.replace(plan, goal=goal)
