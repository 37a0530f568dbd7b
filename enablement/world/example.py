"""The sample: one company, with everything in it that the product is to find."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from enablement.world.company import World, simulate
from enablement.world.files import write
from enablement.world.parameters import Leak, Rollout

SEED = 91
QUOTA_SHARE = 0.88  # the planted weaknesses are known to the people who set quotas
LEAKS = (
    Leak("existing", "pay", 0.5, begins="2025Q4"),
    Leak("existing", "skill", 0.2),
    Leak("Discovery", "skill", 0.8, who="South"),
    Leak("Qualification", "execution", 0.5, who="Central 1"),
    Leak("Proposal", "tools", 0.6, who="West 2"),
    Leak("Qualification", "mix", 0.4, who="North 2"),
    Leak("Negotiation", "skill", 0.9, who=(4,)),
    Leak("Discovery", "execution", 0.5, who=(27,)),
    Leak("time", "execution", 0.35, who=(33,)),
)
ROLLOUTS = (
    Rollout(
        "Product briefing", "product knowledge", "Proposal", dt.date(2024, 10, 8), 0.0,
        assignment="everyone", minutes=60, test_lift=0.5, liked=3.6,
    ),
    Rollout(
        "Discovery that listens", "asking discovery questions", "Discovery",
        dt.date(2025, 5, 13), 0.8, assignment="randomised", share=0.5, minutes=180, liked=3.9,
        half_life_days=240,
    ),
    Rollout(
        "Negotiation masterclass", "negotiating", "Negotiation", dt.date(2025, 11, 4), 0.0,
        assignment="worst first", share=0.3, minutes=420, test_lift=0.9, liked=4.6,
    ),
    Rollout(
        "Growing accounts", "prospecting existing accounts", "existing", dt.date(2026, 5, 12),
        0.3, assignment="staggered", gap_days=28, minutes=240, liked=4.0, half_life_days=300,
    ),
)  # fmt: skip


def company() -> World:
    """The company of the sample: 40 reps in 4 regions, 2024Q2 to 2026Q3."""
    return simulate(SEED, leaks=LEAKS, rollouts=ROLLOUTS, quota_share=QUOTA_SHARE)


def sample(folder: str | Path) -> list[Path]:
    """Write the sample into a folder, the same bytes every time; returns the files."""
    return write(company(), folder)
