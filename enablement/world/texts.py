"""What people write by hand: settings, plan, and the lists they keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from enablement.world import canonical, hubspot, money, salesforce
from enablement.world.parameters import COMPETENCIES, PIPELINES
from enablement.world.requests import asked

if TYPE_CHECKING:
    from enablement.world.company import World

SETTINGS = """# How this company uses its CRM: our words on the left, the CRM's on the right.
{stages}currency = "USD"
exported_on = {exported_on}

[outcomes]
{outcomes}
[types]
"New Business" = "new business"
"Existing Business" = "existing business"
"Renewal" = "renewal"
"""

PLAN = """# Where the company wants to be, and how it will know.
[goal]
metric = "won amount"
lift = 0.15
by = 2027-09-30

[goal.constraints]
headcount = "fixed"
new_tools = false

# Desired share of opportunities that move on from a stage, 0 to 1.
[desired]
Prospecting = 0.80
Qualification = 0.80
Discovery = 0.82
Proposal = 0.80
Negotiation = 0.82

[kpis.coverage]
metric = "pipeline coverage"
kind = "both"
anchor = "prospecting in existing accounts"

[kpis.created_existing]
metric = "pipeline created, existing business"
kind = "leading"
anchor = "share of wallet"

[kpis.won]
metric = "won amount"
kind = "lagging"
anchor = "the plan of the year"

[outcomes.more_from_existing_accounts]
kpi = "created_existing"
behaviours = ["an account plan for each of the ten largest accounts", "one new contact a month"]
competencies = ["prospecting existing accounts", "asking discovery questions"]

[outcomes.fewer_losses_after_discovery]
kpi = "won"
behaviours = ["two or more contacts met before a proposal goes out"]
competencies = ["asking discovery questions", "listening and empathy"]

[reward]
threshold = 1.0
pool = 120000
rule = "equal"
"""


def table(rows: list[tuple[object, ...]], columns: str) -> pd.DataFrame:
    """A small table from rows and the names of its columns."""
    return pd.DataFrame(rows, columns=columns.split())


def competencies() -> pd.DataFrame:
    """`competencies.csv`: what each stage needs."""
    place = {"new": "Prospecting", "existing": "Prospecting", "time": ""}
    rows: list[tuple[object, ...]] = [
        (c.name, c.kind, place.get(c.place, c.place), "Account Executive", c.level_needed,
         c.process, c.tool, c.nature) for c in COMPETENCIES
    ]  # fmt: skip
    return table(rows, "competency kind stage role level_needed process tool hard_or_soft")


def lessons() -> pd.DataFrame:
    """`lessons.csv`: what can be learnt, in which order, at what cost."""
    return table(
        [
            ("Product briefing", "product knowledge", "remember", 60, "online", "", 900),
            ("First call guide", "opening a conversation", "understand", 45, "online", "", 300),
            ("Opening lines that hold", "opening a conversation", "apply", 90, "workshop",
             "First call guide", 1800),
            ("Qualification checklist", "qualifying", "understand", 45, "online", "", 300),
            ("Qualify out early", "qualifying", "evaluate", 90, "workshop",
             "Qualification checklist", 1800),
            ("Question maps", "asking discovery questions", "understand", 45, "online", "", 400),
            ("Discovery that listens", "asking discovery questions", "apply", 180, "workshop",
             "Question maps", 4200),
            ("Hear what is not said", "listening and empathy", "analyze", 90, "workshop",
             "Question maps", 2100),
            ("Call review with a buddy", "listening and empathy", "evaluate", 40, "practice",
             "Hear what is not said", 0),
            ("Value before price", "presenting value", "apply", 120, "workshop",
             "Product briefing", 2600),
            ("Build the business case", "presenting value", "create", 120, "workshop",
             "Value before price", 2600),
            ("Who decides, and how", "navigating the decision process", "analyze", 90, "workshop",
             "Qualification checklist", 2400),
            ("Negotiation masterclass", "negotiating", "apply", 420, "workshop",
             "Value before price", 21000),
            ("White space in accounts", "prospecting existing accounts", "understand", 45,
             "online", "", 400),
            ("Growing accounts", "prospecting existing accounts", "apply", 240, "workshop",
             "White space in accounts", 6400),
            ("Target lists that work", "prospecting new accounts", "apply", 60, "workshop",
             "First call guide", 1200),
            ("A week that holds", "managing priorities", "apply", 60, "workshop", "", 900),
        ],
        "lesson competency bloom minutes kind needs cost",
    )  # fmt: skip


def pay() -> pd.DataFrame:
    """`pay.csv`: what reps are paid for."""
    return table(
        [
            ("base salary", "", 0.55, "Account Executive"),
            ("commission new business", "won amount, new business", 0.33, "Account Executive"),
            ("commission existing business", "won amount, existing business", 0.05,
             "Account Executive"),
            ("commission renewals", "won amount, renewal", 0.04, "Account Executive"),
            ("quarterly bonus", "won amount", 0.03, "Account Executive"),
            ("base salary", "", 0.65, "Regional Sales Manager"),
            ("team commission", "won amount", 0.35, "Regional Sales Manager"),
        ],
        "component metric share role",
    )  # fmt: skip


def requests(world: World) -> pd.DataFrame:
    """`requests.csv`: what people asked enablement for."""
    rows: list[tuple[object, ...]] = [
        (r.key, r.asked_by, r.asked_on, r.audience, r.topic, r.problem, r.objective, r.evidence)
        for r in asked(world)
    ]
    return table(rows, "request_id asked_by asked_on audience topic problem objective evidence")


def meetings() -> pd.DataFrame:
    """`meetings.csv`: the meetings that return."""
    return table(
        [
            ("Monday forecast", "internal", "each team", 60, "week", "Commit per rep"),
            ("Pipeline review", "internal", "each team", 45, "week", "Next steps, risks"),
            ("All-hands sales", "internal", "everybody", 60, "two weeks", "News and numbers"),
            ("Product update", "training", "everybody", 60, "month", "What changed, who cares"),
            ("One-on-one", "coaching", "manager and rep", 30, "two weeks", "One skill at a time"),
            ("Quarterly kick-off", "internal", "everybody", 480, "quarter", "Plan and training"),
        ],
        "meeting category audience minutes every purpose",
    )


def patterns() -> pd.DataFrame:
    """`patterns.csv`: what a reason for losing may point to."""
    return table(
        [
            ("No decision", "navigating the decision process", "hard"),
            ("Price", "presenting value", "hard"),
            ("Competitor", "presenting value", "hard"),
            ("No need found", "asking discovery questions", "hard"),
            ("Budget cut", "qualifying", "hard"),
            ("Missing feature", "product knowledge", "hard"),
            ("went silent after the first meeting", "listening and empathy", "soft"),
            ("close date moved three times or more", "managing priorities", "soft"),
        ],
        "loss_reason points_to hard_or_soft",
    )


def settings(world: World, crm: str, format: str = "csv") -> str:
    """`settings.toml` for an export of a CRM in a format."""
    ours = {
        "salesforce": salesforce.settings(world, format),
        "hubspot": hubspot.SETTINGS,
        "tables": "",
    }
    more = ours[crm]
    names = canonical.pipelines(world)
    alone = f"stages = {_listed(PIPELINES[names[0]])}\n" if len(names) == 1 else ""
    meant = "".join(f'"{name}" = "{kind}"\n' for name, kind in canonical.meanings(world).items())
    first = SETTINGS.format(exported_on=world.exported_on.isoformat(), stages=alone, outcomes=meant)
    return first + ("" if alone else _pipelines(names)) + more


def _listed(names: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _pipelines(names: list[str]) -> str:
    each = [f'\n[pipelines."{name}"]\nstages = {_listed(PIPELINES[name])}\n' for name in names]
    return "".join(each)


def tables(world: World) -> dict[str, pd.DataFrame]:
    """All written lists, by name."""
    rates = {"rates": money.table(world.clock, world.exchange)}
    return {
        **({} if world.exchange.plain else rates),
        "competencies": competencies(),
        "lessons": lessons(),
        "pay": pay(),
        "requests": requests(world),
        "meetings": meetings(),
        "patterns": patterns(),
    }
