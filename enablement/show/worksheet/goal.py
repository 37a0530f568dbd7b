"""The sheet of the goal: what may be changed, and what it comes to at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from enablement.plan import cascade
from enablement.plan.goal import MONTHS
from enablement.show import formulas
from enablement.show.worksheet.book import (
    AHEAD,
    BELOW,
    BESIDES,
    BY,
    DEFINITIONS,
    HEADS,
    HIGHEST,
    HOUSE,
    LEAST,
    NEEDED,
    OVER,
    PRICE,
    RESULT,
    SIDES,
    TARGET,
    THROUGH,
    TOP,
    WORTH,
    Book,
    area,
    moment,
    ref,
)

WIDTHS = (34, 14, 11, 17, 13, 8)  # of the columns, in digits: they fit an upright sheet
LETTERS = 1.15  # of a text in the room of a digit
RAISED = (
    "The rates are those that the plan wants. Another target typed here asks for more or fewer "
    "wins at these rates, and not for other rates: for those, change plan.toml and write the "
    "workbook again. What comes is told at today's rates."
)


def write(book: Book) -> None:
    """Write the first sheet."""
    sheet = book.sheets["Goal"]
    for column, width in enumerate(WIDTHS):
        book.columns(sheet, column, column, width)
    sheet.set_margins(left=SIDES, right=SIDES, top=BELOW, bottom=BELOW)
    sheet.fit_to_pages(1, 0)
    book.text(sheet, 0, 0, "From the goal to what each rep needs", "title")
    line = "Change a framed cell, and every sheet follows. Notes say what is meant."
    book.text(sheet, 1, 0, line, "quiet")
    _finding(book, sheet)
    _inputs(book, sheet)
    _baseline(book, sheet)
    _result(book, sheet)
    _steps(book, sheet)
    _remarks(book, sheet)


def _finding(book: Book, sheet: Any) -> None:
    """Say what the target asks beyond what comes, in a sentence that follows it."""
    target, ahead = book.base.target, book.table.attrs["projected"]
    cells = ref(TARGET, 1), ref(RESULT, 1), ref(RESULT + 1, 1)
    before, between, after = cascade.COMING[book.table.attrs["when"]].split("{}")
    told = (
        f'"{before}"&TEXT({cells[1]},"#,##0")&"{between}"&TEXT({cells[0]},'
        f'"#,##0")&"{after}"&IF({cells[1]}>={cells[0]}*(1-{cascade.ROUNDING:.0E}),".",'
        f'": "&TEXT({cells[2]},"#,##0")&" are missing.")'
    )
    start = f"{before}{ahead:,.0f}{between}{target:,.0f}{after}"
    rest = f": {target - ahead:,.0f} are missing."
    enough = ahead >= target * (1 - cascade.ROUNDING)
    book.formula(sheet, 2, 0, told, start + ("." if enough else rest), "bold")


def _inputs(book: Book, sheet: Any) -> None:
    goal, base = book.goal, book.base
    rules = {"validate": "decimal", "criteria": ">", "value": 0}
    book.text(sheet, TARGET, 0, f"Target ({goal.metric})")
    book.figure(sheet, TARGET, 1, base.target, "input")
    sheet.data_validation(TARGET, 1, TARGET, 1, rules)
    stands = book.ground.translated
    behind = f" It is what {stands.short} comes to." if stands is not None and stands.short else ""
    book.note(
        sheet,
        TARGET,
        1,
        f"What is to be reached in {base.span}. Everything follows from it.{behind}",
    )
    book.text(sheet, PRICE, 0, "Unit price")
    _unit_price(book, sheet, rules)
    book.text(sheet, BY, 0, "By when")
    sheet.write_datetime(BY, 1, moment(base.span.end), book.style["date"])
    book.note(
        sheet, BY, 1,
        "Not to be changed here: the months, their working days and their season are counted "
        "from a calendar that formulas do not have. Change it in plan.toml, and write the "
        "workbook again.",
    )  # fmt: skip
    book.text(sheet, HEADS, 0, "Reps there for the goal")
    book.figure(sheet, HEADS, 1, base.then, "input decimal")
    sheet.data_validation(HEADS, 1, HEADS, 1, rules)
    book.note(
        sheet, HEADS, 1,
        "A rep of half a year is half a one. It says what the target comes to per rep, below. "
        "The sheets of the levels are those of the reps with a name, since nobody can be "
        "named for others.",
    )  # fmt: skip
    _constraints(book, sheet)


def _unit_price(book: Book, sheet: Any, rules: dict[str, object]) -> None:
    stated = book.base.period is None and book.goal.stated.deal_size is None
    free = book.has_amount and not stated
    book.figure(sheet, PRICE, 1, book.goal.price or np.nan, "input cents" if free else "cents")
    if free:
        sheet.data_validation(PRICE, 1, PRICE, 1, rules)
        book.note(sheet, PRICE, 1, "The target over this is what is shared out, in units.")
        return
    why = (
        "The plan has no unit price: whole amounts are shared out."
        if not book.goal.price
        else "What a won one brings is the price of a unit in this plan, and the volume "
        "follows from it; so change it in plan.toml."
        if book.has_amount
        else "The goal counts units itself."
    )
    book.note(sheet, PRICE, 1, why)


def _constraints(book: Book, sheet: Any) -> None:
    limits = book.goal.constraints
    caps = ", ".join(f"{lever} {cap:.0%}" for lever, cap in limits.caps.items())
    said = {
        "Shared out by": cascade.shared_by(book.ground),
        "Headcount": limits.headcount,
        "New tools": "allowed" if limits.new_tools else "none",
        "Caps of levers": caps or "none",
    }
    for row, (name, value) in enumerate(said.items(), start=HEADS + 1):
        book.text(sheet, row, 0, name)
        book.text(sheet, row, 1, value, "right")
    book.note(
        sheet, HEADS + 3, 1,
        "New tools and caps of levers bound the levers of the plan; no number here depends "
        "on them. A pin and a cap of a rep stand on the sheet Shares, to be changed there.",
    )  # fmt: skip


def _baseline(book: Book, sheet: Any) -> None:
    """Hold what is sold, expected and to be reached against each other, as `baseline` does."""
    base, top = book.base, 13
    names = [
        "For twelve months",
        "total",
        "per rep",
        "per rep and month",
        "units a month",
        "short",
    ]
    for column, name in enumerate(names if book.goal.price else names[:4]):
        book.text(sheet, top, column, name, "head right" if column else "head")
    if book.goal.price:
        book.note(sheet, top, 4, "per rep and month over the unit price")
        book.note(sheet, top, 5, "units that the target takes, minus these")
    price, heads = ref(PRICE, 1), ref(HEADS, 1)
    totals = {"sold": base.sold, "expected": base.expected, "target": base.target}
    units = base.target / base.then / MONTHS / book.price
    for row, (name, total) in enumerate(totals.items(), start=top + 1):
        reps = base.then if name == "target" else base.now
        book.text(sheet, row, 0, name)
        if name == "target":
            book.formula(sheet, row, 1, ref(TARGET, 1), total, "whole")
        else:
            book.figure(sheet, row, 1, total, "whole")
        if not math.isfinite(total):
            continue
        per = total / reps
        over = heads if name == "target" else repr(float(reps))
        book.formula(sheet, row, 2, f"{ref(row, 1)}/{over}", per, "whole")
        book.formula(sheet, row, 3, f"{ref(row, 2)}/{MONTHS}", per / MONTHS, "whole")
        if book.goal.price:
            one = per / MONTHS / book.price
            book.formula(sheet, row, 4, f"{ref(row, 3)}/{price}", one, "decimal")
            book.formula(sheet, row, 5, f"{ref(top + 3, 4)}-{ref(row, 4)}", units - one, "decimal")


def _result(book: Book, sheet: Any) -> None:
    attrs, top = book.table.attrs, RESULT
    company = book.levels[0]
    won = ref(TOP + len(book.stages) - 1, AHEAD, sheet="Company")
    ahead, target = attrs["projected"], book.base.target
    book.text(sheet, top, 0, "If nothing changes")
    book.formula(
        sheet, top, 1, f"{won}*{ref(WORTH, 1)}+{ref(BESIDES, 1)}", ahead, "whole"
    )  # fmt: skip
    book.text(sheet, top + 1, 0, "Missing to the target")
    missing = f"MAX(0,{ref(TARGET, 1)}-{ref(top, 1)})"
    book.formula(sheet, top + 1, 1, missing, max(0.0, target - ahead), "whole bold")
    book.text(sheet, top + 2, 0, "Reps who need more than any ever had")
    rep = book.levels[-1]
    over = area(rep.top, OVER, rep.top + len(rep) - 1, OVER, sheet="Shares")
    count = (book.figures["rep"]["says"] != "").any(axis=(1, 2)).sum()
    book.formula(sheet, top + 2, 1, f"SUM({over})", float(count), "whole")
    book.text(sheet, top + 3, 0, "Do the pins and caps leave it?")
    least, most = (ref(company.top, column, sheet="Shares") for column in (LEAST, HIGHEST))
    house = ref(HOUSE, 1)
    check = (
        f'IF({most}<{house},"The pins and caps leave "&TEXT({house}-{most},"#,##0")&" of the '
        f'target to nobody.",IF({least}>{house},"The pins add up to "'
        f'&TEXT({least}-{house},"#,##0")&" more than the target.","yes"))'
    )
    book.formula(sheet, top + 3, 1, check, "yes", "right")


def _steps(book: Book, sheet: Any) -> None:
    """Write what stands between the target and the wins."""
    funnel, base = book.ground.funnel, book.base
    book.text(sheet, WORTH - 1, 0, "From the target to the wins", "head")
    book.text(sheet, WORTH - 1, 1, "", "head")
    book.text(sheet, WORTH, 0, "What a won one brings")
    book.figure(sheet, WORTH, 1, funnel.worth, "cents")
    book.note(sheet, WORTH, 1, "On average, as counted or as the plan states it.")
    book.text(sheet, BESIDES, 0, "Reached without the funnel")
    book.figure(sheet, BESIDES, 1, funnel.besides, "whole")
    book.note(sheet, BESIDES, 1, "Renewals of the baseline, taken to recur.")
    target = ref(TARGET, 1)
    book.text(sheet, THROUGH, 0, "Share that comes through the funnel")
    through = max(base.target - funnel.besides, 0.0) / base.target
    book.formula(sheet, THROUGH, 1, f"MAX({target}-{ref(BESIDES, 1)},0)/{target}", through, "share")
    book.text(sheet, HOUSE, 0, f"Shared out in whole numbers: {book.unit()}")
    house = int(book._house(book.levels[0]).sum())
    wanted = formulas.rounded_up(f"{target}/{book.price_cell()}")
    book.formula(sheet, HOUSE, 1, wanted, house, "whole")
    entered = ref(TOP, NEEDED, sheet="Company")
    first = float(book.figures["company"]["needed"][0, :, 0].sum())
    for row, (name, per) in enumerate(book.activity.items(), start=HOUSE + 1):
        book.text(sheet, row, 0, f"Activities: {name}")
        takes = f"-INT(-{per!r}*{entered})"
        book.formula(sheet, row, 1, takes, float(np.ceil(per * first)), "whole")


def _remarks(book: Book, sheet: Any) -> None:
    row = HOUSE + len(book.activity) + 3
    book.text(sheet, row - 1, 0, "What was found and assumed", "head")
    last = len(WIDTHS) - 1
    for column in range(1, last + 1):
        book.text(sheet, row - 1, column, "", "head")
    texts = [f"Counts: {book.ground.funnel.says}.", *book.table.attrs["notes"]]
    if book.raised:
        texts.append(RAISED)
    texts += [f"{name}: {meaning}" for name, meaning in DEFINITIONS.items()]
    for text in texts:
        sheet.merge_range(row, 0, row, last, "", book.style["wrapped"])
        book.text(sheet, row, 0, text, "wrapped")
        sheet.set_row(row, 15 * math.ceil(len(text) / (LETTERS * sum(WIDTHS))))
        row += 1
