"""The words of the invented company: people, customers, products, reasons."""

from __future__ import annotations

import numpy as np

from enablement.world.streams import Streams

_FIRST = """
Amara Anders Beatriz Callum Chiara Dalia Dmitri Elif Elowen Esteban Farah Femi Greta
Hana Hugo Idris Ines Ivana Jonas Kalinda Keiko Lars Leila Lior Maeve Mateus Milan Nadia
Niamh Noor Odette Omari Paloma Petra Priya Quentin Rafael Renske Rowan Sanjay Selma
Soren Suki Tamsin Tariq Tobias Uma Valentin Viola Wanda Xavier Yara Yusuf Zofia Zane
Mireille Kwame Linnea Bogdan Ayaka
"""
_LAST = """
Abernethy Adeyemi Albrecht Arkwright Baptiste Bellweather Bjornstad Brannigan Castellan
Chaudhary Corrigan Dalgaard Delacourt Dragomir Eastlake Ekwueme Farrow Fairbairn Galvao
Ghoshal Haverford Hoskins Ibsen Iyengar Jankowski Jessop Kavanagh Kestrel Kowalczyk
Lachapelle Lindqvist Loxley Marchetti Mbeki-Roux Merriweather Moorcroft Nakagawa Nesbitt
Novotny Okonjo Oyelaran Pemberton Petrossian Quayle Quintero Rasmussen Rinaldi Sandoval
Sarkisian Sorensen Tavares Thistlewood Umarov Vandermeer Vasilescu Wadsworth Whitlock
Yamanaka Yearwood Zielinski
"""
_STEM_A = """
Alder Amber Ard Bel Birch Bram Cald Cinder Copper Cor Dal Dun Elm Fal Fen Gran Hal
Harbor Hazel Iron Kel Kest Lark Lin Mar Mor Nor Oak Orm Pell Quarry Ridge Ros Sable Sel
Stan Thorn Tol Vale Ver Wex Wil Win Yar
"""
_STEM_B = """
mere stead by holt gate worth dale field ford haven hurst land leigh low mar mont more
ner rick ridge sall shaw stone ton vale var wick wood
"""
FIRST, LAST = _FIRST.split(), _LAST.split()
STEM_A, STEM_B = _STEM_A.split(), _STEM_B.split()
TAKEN = ("Halford", "Stanford", "Wilmar", "Belmont", "Marlow", "Winmont", "Rosgate")
BUSINESS = {
    "Food and drink": ("Foods", "Provisions", "Dairy", "Beverages", "Bakeries"),
    "Retail": ("Stores", "Outfitters", "Home", "Markets", "Supply"),
    "Manufacturing": ("Works", "Fabrication", "Tooling", "Components", "Castings"),
    "Logistics": ("Freight", "Haulage", "Warehousing", "Parcels", "Lines"),
    "Health": ("Medical", "Pharmacy Group", "Care", "Diagnostics", "Laboratories"),
    "Building": ("Timber", "Aggregates", "Construction", "Interiors", "Roofing"),
}
INDUSTRIES = tuple(BUSINESS)

COMPANY = "Tallowgate Software"
SEGMENTS = ("Small", "Mid-market", "Enterprise")
SOURCES = ("Inbound", "Outbound", "Partner", "Event", "Customer referral", "Purchased list")
PRODUCTS = (
    "Dockwise Scheduling",
    "Yardlight Visibility",
    "Lanecraft Routing",
    "Returnpath Claims",
    "Depotline Analytics",
)
TYPES = ("New Business", "Existing Business", "Renewal")
KINDS_OF_BUSINESS = ("new business", "existing business", "renewal")
REASONS = ("No decision", "Price", "Competitor", "No need found", "Budget cut", "Missing feature")
COMPETITORS = ("", "Freightmoor", "Axlebay", "Cargonaut One", "Spreadsheet / in-house")
REGIONS = ("North", "South", "Central", "West")
NEXT_STEPS = (
    "Walk operations through the pilot plan",
    "Send the draft order form",
    "Meet the plant managers on site",
    "Agree the success criteria with finance",
    "Security questionnaire back to IT",
    "Call the warehouse lead about volumes",
    "Book the demonstration with three depots",
    "Review the business case with the sponsor",
)


def people(streams: Streams, count: int) -> list[str]:
    """Invented full names, all different, with few first names in common."""
    given = [FIRST[k] for k in streams.order("first names", len(FIRST))]
    family = [LAST[k] for k in streams.order("last names", len(LAST))]
    names = []
    for number in range(count):
        lap, place = divmod(number, len(FIRST))
        middle = f" {chr(ord('A') + lap // len(LAST) - 1)}." if lap >= len(LAST) else ""
        names.append(f"{given[place]}{middle} {family[(number + lap) % len(LAST)]}")
    return names


def _stems() -> list[str]:
    pairs = [f"{a}{b}" for a in STEM_A for b in STEM_B if a[-1] != b[0]]
    return [name for name in pairs if name not in TAKEN]


def companies(streams: Streams, industry: np.ndarray) -> np.ndarray:
    """Invented company names that fit their industries, all different.

    A stem is used again only when all pairs of stem and kind of business are gone; then a
    number is added.
    """
    size = len(industry)
    stems = np.array(_stems())
    kinds = np.array([BUSINESS[name] for name in INDUSTRIES])
    turn = streams.order("names of accounts", len(stems))
    rank = np.zeros(size, dtype=np.int64)
    for code in range(len(INDUSTRIES)):
        mine = industry == code
        rank[mine] = np.arange(mine.sum())
    lap, place = np.divmod(rank * len(INDUSTRIES) + industry, len(stems))
    kind = kinds[industry, (place + lap) % kinds.shape[1]]
    name = np.char.add(np.char.add(stems[turn[place]], " "), kind)
    again = lap // kinds.shape[1]
    return np.where(again > 0, np.char.add(np.char.add(name, " "), (again + 1).astype(str)), name)
