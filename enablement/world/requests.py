"""What people asked enablement for, and whether they were right."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from enablement.world import names
from enablement.world.clock import shift_quarter
from enablement.world.people import members

if TYPE_CHECKING:
    from enablement.world.company import World


@dataclass(frozen=True)
class Request:
    """A request as it was written, and what it is about.

    key, asked_by, asked_on, audience, topic, problem, objective, evidence : as written
    place : where the asked-for training would help
    who : whom it is for: `company`, a region or a team
    """

    key: str
    asked_by: str
    asked_on: str
    audience: str
    topic: str
    problem: str
    objective: str
    evidence: str
    place: str
    who: str


def asked(world: World) -> list[Request]:
    """The requests on the table on the day of the export."""
    teams = world.people.team_names
    region = names.REGIONS[int(world.people.region[world.people.reps + len(teams) // 3])]
    team, first = teams[-1], next(name for name in teams if name.startswith(region))
    quarter = shift_quarter(world.clock.quarters[-1], -1)
    days = [(world.clock.last - dt.timedelta(days=back)).isoformat() for back in (43, 63, 22, 15)]
    return [
        Request(
            "R-101", "VP Sales", days[0], "All Account Executives",
            "Negotiation training, two days",
            "We give away too much margin, reps sell on price",
            "Close more business without giving discounts", "", "Negotiation", "company",
        ),
        Request(
            "R-102", f"Regional Sales Manager, {first}", days[1], region,
            "Discovery workshop", "Opportunities are lost after the first demonstration",
            "More opportunities move from Discovery to Proposal",
            f"Stage report {quarter}, Discovery to Proposal", "Discovery", region,
        ),
        Request(
            "R-103", "Head of Product Marketing", days[2], "All Account Executives",
            "Release training", "A new release of Lanecraft Routing comes in the autumn",
            "Everyone can explain the release", "", "Proposal", "company",
        ),
        Request(
            "R-104", f"Regional Sales Manager, {team}", days[3], team,
            "Time management course", "Writing quotes takes the whole of Friday",
            "More hours with customers", "Calendars of two reps", "time", team,
        ),
    ]  # fmt: skip


def judge(world: World, request: Request, costs: np.ndarray) -> dict[str, Any]:
    """Whether a request names the right thing.

    Parameters
    ----------
    costs : leaks × reps, what each leak cost, in the currency

    Returns
    -------
    `right` is true where the asked-for training teaches what at least half of the audience really
    lacks: a gap of skill at that place. `real` is the leak that costs the audience most, `local`
    the one among those that not everybody has; null where there is none.
    """
    audience = members(world.people, request.who)
    planted = world.abilities.planted
    felt = costs[:, audience].sum(axis=1)
    right = any(
        each.leak.cause == "skill"
        and each.leak.place == request.place
        and each.on[audience].mean() >= 0.5
        for each in planted
    )
    local = np.array([not each.on.all() for each in planted], dtype=bool)
    return {
        "request_id": request.key,
        "right": bool(right),
        "real": _worst(world, felt),
        "local": _worst(world, felt * local),
    }


def _worst(world: World, felt: np.ndarray) -> dict[str, str] | None:
    if not len(felt) or felt.max() <= 0:
        return None
    leak = world.abilities.planted[int(felt.argmax())].leak
    return {"place": leak.place, "cause": leak.cause}
