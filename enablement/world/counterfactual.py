"""What would have been: the same company without one of its leaks.

Without a leak more is open in the pipeline, so discounts are smaller, also on what was sold anyway.
Both companies share their random numbers. A leak at a stage leaves what is created as it is, and
only the opportunities go other ways. A leak in creation is undone by adding what was not created.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from enablement.world import creation, prices, walk
from enablement.world.abilities import Abilities
from enablement.world.streams import Streams

if TYPE_CHECKING:
    from enablement.world.company import World

DRAWS = 4
"""How often what was not created is drawn; the discounts are the mean over the draws."""
Columns = TypeVar("Columns", creation.Made, walk.Stays)


def discounts(world: World, leak: int) -> np.ndarray:
    """Discount that each opportunity would have been given without a leak, 0 to 1.

    Parameters
    ----------
    leak : position of the leak

    Returns
    -------
    One per opportunity; NaN where it would not have come to an offer.
    """
    other = world.abilities.without(leak=leak)
    if world.abilities.planted[leak].stage >= 0:
        return _given(world, _resourced(world, other), other)
    return np.mean([_with_more(world, other, leak, draw) for draw in range(DRAWS)], axis=0)


def _resourced(world: World, other: Abilities) -> creation.Made:
    """The opportunities with the sources they would have; a leak by mix moves those."""
    made = world.made
    weights = other.sources(made.rep, made.kind, made.time)
    return replace(made, source=Streams(world.seed).pick_each("source", weights).astype(np.int8))


def _given(world: World, made: creation.Made, other: Abilities) -> np.ndarray:
    stays = walk.Walk(Streams(world.seed), world.clock, other, made, world.chosen).run()
    return _priced(world, made, stays)


def _priced(world: World, made: creation.Made, stays: walk.Stays) -> np.ndarray:
    level, streams = world.abilities.level, Streams(world.seed)
    found = prices.price(streams, made, stays, level, world.quota, world.chosen)
    return np.where(np.isfinite(found.offered), found.discount, np.nan)


def _with_more(world: World, other: Abilities, leak: int, draw: int) -> np.ndarray:
    """Discounts of the opportunities there are, beside those that were not created."""
    streams = Streams(world.seed, f"without leak {leak}, draw {draw}")
    more, _ = creation.make(
        streams, world.clock, world.people, other, world.chosen, beyond=world.abilities
    )
    ways = walk.Walk(streams, world.clock, other, more, world.chosen).run()
    size = len(world.made.time)
    made = _joined(world.made, more)
    stays = _joined(world.stays, replace(ways, opportunity=ways.opportunity + size))
    return _priced(world, made, stays)[:size]


def _joined(first: Columns, second: Columns) -> Columns:
    names = [field.name for field in fields(first)]
    return type(first)(*(np.concatenate([getattr(first, n), getattr(second, n)]) for n in names))
