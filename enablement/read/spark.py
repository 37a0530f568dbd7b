"""Spark as a database: what a text builds on is counted once, and stays with the session.

Spark writes the text of a view into every place that names it, and counts it in each; with views
over views a question takes minutes. So each part is a temporary view of the session, which needs
no right to write, and one that joins or groups is counted when it is first asked for. Its rows
stay in Spark's memory, or on its disks where that is short, until they are forgotten.
"""

from __future__ import annotations

import contextlib
import weakref
from typing import TYPE_CHECKING, Any

from enablement.read.warehouse import Part, Warehouse

if TYPE_CHECKING:
    from sqlglot import exp


class Spark(Warehouse):
    """Asks Spark, as `Warehouse` asks others."""

    def __init__(self, backend: Any, dialect: str = "spark") -> None:
        super().__init__(backend, dialect)
        self._views: set[str] = set()
        self._let_go = weakref.finalize(self, _dropped, backend, self._views)
        self._let_go.atexit = False  # Spark is gone by then

    def close(self) -> None:
        """Let go of what was counted. The session may be somebody's, and stays."""
        self._let_go()
        self._shapes.close()

    def _laid(self, part: Part, *, once: bool = False) -> Part:
        with self._answering():
            rows = self._backend.raw_sql(part.text)
            counted = rows.localCheckpoint() if once else rows
            counted.createOrReplaceTempView(part.name)
        self._views.add(part.name)
        return part

    def _whole(self, tree: exp.Expr, parts: list[Part]) -> str:
        from enablement.read import dialects

        return dialects.written(tree, self.dialect)

    def _forget(self, part: Part) -> None:
        super()._forget(part)
        _dropped(self._backend, {part.name})
        self._views.discard(part.name)


def _dropped(backend: Any, views: set[str]) -> None:
    """Drop views; Spark frees what was counted of them when it next tidies up."""
    with contextlib.suppress(Exception):  # the session may be gone, and they with it
        for view in views:
            backend.raw_sql(f"drop view if exists {view}")
    views.clear()
