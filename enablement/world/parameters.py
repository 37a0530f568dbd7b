"""What can be set in an invented company, with units, and what can be planted in it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields

from enablement.errors import EnablementError, choices

STAGES = ("Prospecting", "Qualification", "Discovery", "Proposal", "Negotiation")
WON, LOST, CANCELLED = "Closed Won", "Closed Lost", "Cancelled"
PIPELINES = {
    "Sales Pipeline": STAGES,
    "Renewals": ("Renewal Planned", "Usage Review", "Renewal Call", "Renewal Offer",
                 "Renewal Terms"),
    "Partner Pipeline": ("Referral", "Joint Qualification", "Discovery", "Joint Proposal",
                         "Negotiation"),
}  # fmt: skip
"""Stages by pipeline. Each has one for every step of `STAGES`; some names stand in two."""
RENEWALS, PARTNERS = 1, 2
COMPANY_CURRENCY = "USD"
RATES = {"USD": 1.0, "EUR": 1.1, "GBP": 1.27, "CHF": 1.14, "PLN": 0.26, "SEK": 0.095}
"""Currencies, and about what one unit is worth in the company's."""
KINDS = ("new", "existing", "renewal")
CAUSES = ("skill", "execution", "mix", "tools", "pay")
ASSIGNMENTS = ("randomised", "staggered", "worst first", "everyone")
PLACES = (*STAGES, "new", "existing", "time")

BEHAVIOURS = (
    "answers within a day",
    "sets a next step",
    "meets two or more people",
    "walks through the proposal in a meeting",
    "calls the decision maker before terms go out",
)
"""The observable behaviour of each stage, in the order of `STAGES`."""


@dataclass(frozen=True)
class Competency:
    """Something a rep must be able to do.

    name : as people say it
    kind : knowledge, skill or behaviour
    nature : hard or soft
    place : the stage whose outcome it moves; or `new`, `existing` (creation of opportunities);
        or `time` (selling time)
    weight : its share of the skill at that place, 0 to 1
    level_needed : 0 to 4
    process, tool : what supports it
    """

    name: str
    kind: str
    nature: str
    place: str
    weight: float
    level_needed: int
    process: str
    tool: str


COMPETENCIES = (
    Competency("prospecting new accounts", "skill", "hard", "new", 1.0, 3,
               "Target account list, reviewed monthly", "CRM account views"),
    Competency("prospecting existing accounts", "skill", "hard", "existing", 1.0, 3,
               "Account plan with white space, each quarter", "Account plan template"),
    Competency("opening a conversation", "skill", "soft", "Prospecting", 1.0, 2,
               "First call guide", "Dialler and call recording"),
    Competency("qualifying", "skill", "hard", "Qualification", 1.0, 3,
               "Qualification checklist before Discovery", "CRM checklist"),
    Competency("asking discovery questions", "skill", "hard", "Discovery", 0.6, 3,
               "Question map per industry", "Call recording"),
    Competency("listening and empathy", "behaviour", "soft", "Discovery", 0.4, 3,
               "Call review with a buddy", "Call recording"),
    Competency("product knowledge", "knowledge", "hard", "Proposal", 0.4, 3,
               "Release briefing each quarter", "Product wiki"),
    Competency("presenting value", "skill", "hard", "Proposal", 0.6, 3,
               "Business case before price", "Value calculator"),
    Competency("navigating the decision process", "skill", "hard", "Negotiation", 0.6, 3,
               "Map of the people who decide", "Decision map in the CRM"),
    Competency("negotiating", "skill", "hard", "Negotiation", 0.4, 2,
               "Give-and-get list", "Approval matrix"),
    Competency("managing priorities", "behaviour", "soft", "time", 1.0, 2,
               "Weekly plan with selling blocks", "Shared calendar"),
)  # fmt: skip


@dataclass(frozen=True)
class Leak:
    """A planted weakness.

    place : a stage; or `new` or `existing` (fewer opportunities of that kind are created); or
        `time` (less selling time)
    cause : skill (the competencies of the place are lower), execution (its behaviour is done less
        often), mix (worse sources), tools (the stage is slower and fails more, and takes hours of
        administration), pay (as execution, for everybody, from a day on)
    size : how much the logit of advancing falls on average; at `new`, `existing` and `time` how
        much the logarithm of the rate falls. 0.5 turns 75 % into 65 %.
    who : `company`; the name of a region or team; or positions of reps
    begins : quarter from which it holds, such as `2025Q4`; None for always
    """

    place: str
    cause: str
    size: float
    who: str | tuple[int, ...] = "company"
    begins: str | None = None

    def __post_init__(self) -> None:
        _known("place of a leak", self.place, PLACES)
        _known("cause of a leak", self.cause, CAUSES)
        if self.cause == "mix" and self.place not in STAGES:
            raise EnablementError(f"A leak by mix is at a stage. {choices(self.place, [*STAGES])}")
        if not 0.0 <= self.size <= 3.0:
            raise EnablementError(f"The size of a leak lies between 0 and 3, not {self.size}.")


@dataclass(frozen=True)
class Rollout:
    """A training that was given, and what it truly did.

    lesson : its name
    competency : what it teaches, a name in `COMPETENCIES`
    place : the stage (or `new`, `existing`) it moves
    starts_on : day of the first session
    effect : planted effect at full use: logits of advancing, or logarithm of the rate of
        creation; 0 for a lesson that does not work
    assignment : randomised (a random `share`), staggered (team after team, all in the end),
        worst first (the `share` with the lowest observed rate at `place` in the two quarters
        before), everyone
    share : share of the reps who are trained, 0 to 1; not used where all are
    minutes : length of the session
    through_behaviour : share of the effect that comes by doing the stage's behaviour more often;
        the rest by doing it better. Only at stages; 0 to 1
    test_lift : levels (of 4) that the test right after shows more than the one before
    rise_days : days until 63 % of the full use is reached
    half_life_days : days after which half is forgotten without practice
    gap_days : days between the waves of a staggered one
    liked : mean rating, 1 to 5
    """

    lesson: str
    competency: str
    place: str
    starts_on: dt.date
    effect: float
    assignment: str = "randomised"
    share: float = 0.5
    minutes: int = 180
    through_behaviour: float = 0.5
    test_lift: float = 0.8
    rise_days: float = 30.0
    half_life_days: float = 180.0
    gap_days: int = 28
    liked: float = 4.0

    def __post_init__(self) -> None:
        _known("place of a rollout", self.place, PLACES[:-1])
        _known("assignment", self.assignment, ASSIGNMENTS)
        _known("competency", self.competency, tuple(c.name for c in COMPETENCIES))
        if not 0.0 <= self.share <= 1.0 or not 0.0 <= self.through_behaviour <= 1.0:
            raise EnablementError("share and through_behaviour of a rollout lie between 0 and 1.")
        if min(self.rise_days, self.half_life_days) <= 0.0:
            raise EnablementError("rise_days and half_life_days of a rollout must be positive.")


@dataclass(frozen=True)
class Parameters:
    """Size and causes. Money in the company's currency, days are calendar days.

    Creation
        per_quarter : opportunities created per full-time rep and quarter
        kinds : shares of new business, existing business and renewals among them, sum 1
        creation_season : factor on creation in the four quarters of the year
        reach_effect : logarithm of the rate of creation per standard deviation of prospecting
        typical_amount : median list amount of new business, per segment
        amount_spread : standard deviation of the logarithm of the list amount
        late_start : per kind, share that is created in the second stage; renewals begin at
            Proposal anyway
        sources : per kind, weights of the sources of `names.SOURCES`
    Outcomes
        stage_rates : probability to advance, per stage, for an average opportunity of an average
            rep, 0 to 1
        skill_effect : logits per standard deviation of the stage's skill between reps
        behaviour_effect : logits by which doing the stage's behaviour is better than not
        segment_effect, product_effect, kind_effect : logits
        source_effect : logits at the first two stages; a fifth of it later
        size_effect : logits per unit of log(list amount / typical amount)
        opportunity_spread : standard deviation of the opportunity effect, logits
        outcome_season : logits in the four quarters of the year
        ramp_effect : logits that a rep lacks on the first day
        ramp_days : days until 63 % of what was lacking is made good
        back : share of stays (after the first stage) that end one stage back
        skip : share of advances that jump over the next stage
        reopen : share of losses that are reopened, once
        handover : share of opportunities that change the owner, about, while it is small: each
            stay is handed over with its 2.9th part; those of leavers come on top
        cancel : share of stays that end because the opportunity is called off, neither won nor
            lost; the rates of advancing are those of the others
    Time
        stage_days : median days of a stay that advances without the behaviour, per stage,
            mid-market
        time_shape : shape of the log-logistic time in stage, greater than 1; smaller is more
            skewed
        done_faster : factor on the time where the behaviour was done
        lost_slower : factor on the time of stays that end in a loss
        skill_faster : how much the logarithm of the time falls per standard deviation of skill
        tools_slower : factor on the time where a tool is missing
        segment_slowness : factor on the time, per segment
    Behaviour
        executes : probability that the behaviour is done, per stage, median rep
        habit_spread : standard deviation of its logit between reps
        coaching_effect : logits of it, per coaching talk a month
        general_share : share of the variance of a level that is common to all competencies
        selling_share, selling_spread : mean and standard deviation of the selling time, 0 to 1
        practising : share of the buddy pairs that practise
        practice_factor : factor on the half-life of what was learnt, for those who practise
    Prices
        base_discount : discount where coverage is enough, 0 to 1
        thin_discount : what is added as coverage falls from enough to nothing
        enough_coverage : open pipeline over a quarter's quota from which on nobody is in need
        negotiating_discount : what one standard deviation of negotiating takes off
        discount_spread : standard deviation of the rest
    People
        senior_share : share of senior reps among those who were not hired during the time; they
            create and are expected a tenth more
        turnover : share of the reps who leave during the time and are replaced by others of
            them, rounded in each team; at least one of a team is there all the time
        quota_share : quota over what an average rep would sell
        quota_growth : growth of the quota from quarter to quarter
    Activities
        no_show : share of first meetings before which one was held to which nobody came
        planned : share of the open opportunities with an activity planned after the export
    Organisation
        apart : pipelines of `PIPELINES` that run beside the first, with stages of their own: none,
            `Renewals` (all renewals), `Partner Pipeline` (the rest of what partners bring)
        currencies : codes of `RATES` in which the regions sell, in the order of `names.REGIONS`
            and again from the first; quotas, potential and every truth stay in US dollars
        rate_spread : standard deviation of the logarithm of a rate from quarter to quarter
    Tables
        reason_lean : logarithm of the weight of the reason that a lack of skill at the stage
            brings, per standard deviation
        test_error, manager_error, self_error : standard deviation of an assessment, levels of 4
        self_lean : by how much reps think too well of themselves, levels of 4
        retest_gain : what everybody gains by taking a test again, levels of 4
        calendar_weeks : weeks of calendar before the export
    """

    per_quarter: float = 7.6
    kinds: tuple[float, ...] = (0.4, 0.48, 0.12)
    creation_season: tuple[float, ...] = (1.04, 1.0, 0.9, 1.06)
    reach_effect: float = 0.2
    typical_amount: tuple[float, ...] = (15_000.0, 34_000.0, 72_000.0)
    amount_spread: float = 0.4
    late_start: tuple[float, ...] = (0.03, 0.2, 0.0)
    sources: tuple[tuple[float, ...], ...] = (
        (0.32, 0.33, 0.12, 0.13, 0.05, 0.05),
        (0.24, 0.36, 0.08, 0.1, 0.2, 0.02),
        (0.0, 1.0, 0.0, 0.0, 0.0, 0.0),
    )

    stage_rates: tuple[float, ...] = (0.77, 0.80, 0.785, 0.76, 0.765)
    skill_effect: float = 0.32
    behaviour_effect: float = 1.0
    segment_effect: tuple[float, ...] = (0.12, 0.0, -0.2)
    source_effect: tuple[float, ...] = (0.2, -0.2, 0.15, -0.1, 0.45, -0.95)
    product_effect: tuple[float, ...] = (0.05, 0.1, 0.0, -0.15, 0.0)
    kind_effect: tuple[float, ...] = (-0.1, 0.1, 1.3)
    size_effect: float = -0.12
    opportunity_spread: float = 0.35
    outcome_season: tuple[float, ...] = (-0.04, 0.0, -0.04, 0.08)
    ramp_effect: float = 0.6
    ramp_days: float = 75.0
    back: float = 0.05
    skip: float = 0.08
    reopen: float = 0.01
    handover: float = 0.05
    cancel: float = 0.0

    stage_days: tuple[float, ...] = (12.0, 13.0, 18.0, 17.0, 16.0)
    time_shape: float = 2.2
    done_faster: float = 0.88
    lost_slower: float = 1.25
    skill_faster: float = 0.05
    tools_slower: float = 1.6
    segment_slowness: tuple[float, ...] = (0.8, 1.0, 1.35)

    executes: tuple[float, ...] = (0.66, 0.63, 0.6, 0.64, 0.6)
    habit_spread: float = 0.6
    coaching_effect: float = 0.15
    general_share: float = 0.25
    selling_share: float = 0.46
    selling_spread: float = 0.06
    practising: float = 0.55
    practice_factor: float = 3.0

    base_discount: float = 0.04
    thin_discount: float = 0.36
    enough_coverage: float = 3.2
    negotiating_discount: float = 0.01
    discount_spread: float = 0.03

    senior_share: float = 0.3
    turnover: float = 0.12
    quota_share: float = 1.0
    quota_growth: float = 0.008

    no_show: float = 0.12
    planned: float = 0.0

    apart: tuple[str, ...] = ()
    currencies: tuple[str, ...] = (COMPANY_CURRENCY,)
    rate_spread: float = 0.02

    reason_lean: float = 0.35
    test_error: float = 0.35
    manager_error: float = 0.4
    self_error: float = 0.6
    self_lean: float = 0.35
    retest_gain: float = 0.15
    calendar_weeks: int = 13

    def __post_init__(self) -> None:
        _length(self, 5, "stage_rates", "stage_days", "executes", "product_effect")
        _length(self, 6, "source_effect")
        _length(self, 4, "creation_season", "outcome_season")
        _length(self, 3, "kinds", "typical_amount", "late_start", "sources", "segment_effect")
        _length(self, 3, "kind_effect", "segment_slowness")
        _between(self, 0.0, 1.0, "back", "skip", "reopen", "handover", "turnover", "practising")
        _between(self, 0.0, 1.0, "general_share", "base_discount", "thin_discount")
        _between(self, 0.0, 1.0, "cancel", "no_show", "planned", "rate_spread")
        for name in self.apart:
            _known("pipeline apart", name, tuple(PIPELINES)[1:])
        for name in self.currencies or ("none",):
            _known("currency", name, tuple(RATES))
        for name in ("stage_rates", "executes"):
            if not all(0.0 < value < 1.0 for value in getattr(self, name)):
                raise EnablementError(
                    f"{name} must lie between 0 and 1, not {getattr(self, name)}."
                )
        if self.time_shape <= 1.0:
            raise EnablementError(f"time_shape must be greater than 1, not {self.time_shape}.")
        if self.back > 0.5 or self.turnover > 0.4:
            raise EnablementError("back is at most 0.5 and turnover at most 0.4.")
        if abs(sum(self.kinds) - 1.0) > 1e-9:
            raise EnablementError(f"kinds must add up to 1, not {sum(self.kinds)}.")

    @classmethod
    def of(cls, changes: dict[str, object]) -> Parameters:
        """Make the parameters from the usual ones and some changes, by name."""
        known = [field.name for field in fields(cls)]
        for name in changes:
            if name not in known:
                raise EnablementError(f"No parameter {name!r}. {choices(name, known)}")
        return cls(**changes)  # type: ignore[arg-type]


def _known(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise EnablementError(f"Unknown {what}: {value!r}. {choices(value, [*known])}")


def _length(chosen: Parameters, wanted: int, *names: str) -> None:
    for name in names:
        if len(getattr(chosen, name)) != wanted:
            raise EnablementError(f"{name} must have {wanted} values.")


def _between(chosen: Parameters, low: float, high: float, *names: str) -> None:
    for name in names:
        value = getattr(chosen, name)
        if not low <= value <= high:
            raise EnablementError(f"{name} must lie between {low} and {high}, not {value}.")
