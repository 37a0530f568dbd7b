"""An invented company whose truth is known.

Nobody can say whether a diagnosis is right unless the truth is known. Here a sales organisation is
simulated from its causes, so that every later statistic can be held against what really is so:

    competency ───────────────┐
    behaviour (execution) ────┤
    segment, source, product, │
    size, kind of business ───┼──> stage outcomes, time in stage ──> history ──> CRM export
    season, ramp of new reps ─┤                  │
    the opportunity itself ───┘                  └──> activities, calendar, reasons for losses
    prospecting, selling time ──> creation ──> pipeline coverage ──> discounts (not outcomes)
    training, practice, coaching ──> competency and behaviour ──> tests, stage outcomes

    import enablement as en

    leak = en.world.Leak("Discovery", "skill", 0.8, who="South")
    world = en.world.simulate(7, reps=60, leaks=(leak,))
    world.crm        # as en.load gives it, without files
    world.truth      # what really causes what, as `enablement.world.truth` explains
    world.write("data/exports/invented", "hubspot")

What can be set, with units, is in `Parameters`; what can be planted, in `Leak` and `Rollout`.
"""

from enablement.world.company import World, simulate
from enablement.world.example import sample
from enablement.world.parameters import Leak, Parameters, Rollout
from enablement.world.phone import PhoneCompany, phone_example

__all__ = [
    "Leak",
    "Parameters",
    "PhoneCompany",
    "Rollout",
    "World",
    "phone_example",
    "sample",
    "simulate",
]
