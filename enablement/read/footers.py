"""What a report puts around its rows: totals, a copyright, a count, and the limits it stops at."""

from __future__ import annotations

import re
from collections.abc import Sequence

FOOTER, SUMMARY = "a line of the report's footer", "a summary row of the report"
EMPTY, AGAIN = "no field is filled in", "the header again"
REASONS = (FOOTER, SUMMARY, EMPTY, AGAIN)

RECORDS = (
    r"records?|rows?|datens[aä]tzen?|datensatz|zeilen|enregistrements?|lignes?|registros?|filas?"
)
COUNTED = re.compile(
    rf"(?P<what>[^\d(]{{2,60}})\(\s*(?P<rows>\d[\d.,'\s]*?)\s*({RECORDS})\s*\)", re.I
)
CONFIDENTIAL = re.compile(
    r"(confidential information|vertrauliche informationen?|informations? confidentielles?"
    r"|información confidencial)\b",
    re.IGNORECASE,
)
COPYRIGHT = re.compile(r"(copyright|©|\(c\)).*salesforce", re.IGNORECASE)
SUMMARIES = """
    total; totals; subtotal; subtotals; sub total; grand total; grand totals; sum; count;
    record count; average; avg; gesamt; gesamtsumme; gesamtsummen; gesamtergebnis; teilergebnis;
    zwischensumme; zwischensummen; summe; anzahl; anzahl der datensätze; durchschnitt; sous-total;
    sous-totaux; total général; totaux; totaux généraux; somme; nombre; nombre d'enregistrements;
    moyenne; total general; totales; totales generales; subtotales; suma; recuento;
    recuento de registros; promedio; media
"""
SUMMARY_WORDS = frozenset(word.strip() for word in SUMMARIES.split(";"))
GRAND = ("grand", "gesamt", "total", "totaux", "totales")
NUMBER = re.compile(r"[-+(]?\s?([^\d\s]{1,3}\s?)?\d[\d.,'\s]*\)?(\s?[^\d\s]{1,3})?|-")
# The first of each is documented by its maker or met in its exports; an export of exactly so many
# rows was probably cut off, which costs a look to find out.
LIMITS = {
    2_000: "a Salesforce report on its page",
    10_000: "lists in several CRMs",
    50_000: "lists in several CRMs",
    65_535: "an old Excel sheet",
    100_000: "a formatted Salesforce report and an Excel export of Dynamics 365",
    1_048_575: "an Excel sheet",
}


def filled(fields: Sequence[str]) -> list[str]:
    """Give the fields that hold something, without blanks around it."""
    return [text for field in fields if (text := field.strip())]


def is_footer(fields: Sequence[str]) -> bool:
    """Say whether a record is a line that a report ends with."""
    texts = filled(fields)
    if len(texts) != 1:
        return False
    return any(shape.match(texts[0]) for shape in (COUNTED, CONFIDENTIAL, COPYRIGHT))


def is_summary(fields: Sequence[str]) -> bool:
    """Say whether a record sums others up: a word for it, otherwise numbers, and a gap."""
    texts = filled(fields)
    if not texts or len(texts) == len(fields) or not _is_summary_word(texts[0]):
        return False
    return all(NUMBER.fullmatch(text) or _is_summary_word(text) for text in texts[1:])


def _is_summary_word(text: str) -> bool:
    counted = COUNTED.fullmatch(text)
    word = counted["what"] if counted else text
    return word.strip(" :").casefold() in SUMMARY_WORDS


def stated(fields: Sequence[str]) -> int | None:
    """Read how many records a grand total counts; None where it does not say."""
    for text in filled(fields)[:1]:
        counted = COUNTED.match(text)
        if counted and counted["what"].strip().casefold().startswith(GRAND):
            return int(re.sub(r"\D", "", counted["rows"]))
    return None


def reason(fields: Sequence[str]) -> str:
    """Say why a record is no row of data; "" if it may be one."""
    if not filled(fields):
        return EMPTY
    if is_footer(fields):
        return FOOTER
    return SUMMARY if is_summary(fields) else ""


def limit(rows: int) -> str:
    """Say which limit an export of so many rows may have stopped at; "" if none."""
    if rows not in LIMITS:
        return ""
    return f"exactly {rows:,} rows, the limit of {LIMITS[rows]}: it may be cut off"
