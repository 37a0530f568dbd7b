"""The SQL of the house in the words of another engine.

The texts are written for DuckDB. ``translated`` reads one, names every column in full, so that
nothing hangs on how an engine resolves names, and turns what the other engine lacks into what it
has. Each such rewrite is a function of its own, listed in `REWRITES` under the engines that need
it; the spelling of what all engines have is left to sqlglot.

This module loads sqlglot, so it is imported only where an engine is asked for by URL.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlglot import ErrorLevel, exp, parse_one
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from enablement.errors import EngineError
from enablement.read import engine

OURS = "duckdb"
FOLLOWING = "following_one"  # the column that tells until when a row of an asof join holds
EXTREMES = {"arg_max": True, "arg_min": False, "arg_max_null": True, "arg_min_null": False}

Kinds = Mapping[str, Mapping[str, str]]


def translated(sql: str, kinds: Kinds, dialect: str) -> exp.Expr:
    """Translate a text; its parameters stay open, see `bound`.

    Parameters
    ----------
    sql : in the words of DuckDB
    kinds : table -> its columns -> their types, in the words of DuckDB
    dialect : the engine, as sqlglot calls it
    """
    listed = tuple((table, tuple(columns.items())) for table, columns in kinds.items())
    return _translated(sql, listed, dialect).copy()


@functools.lru_cache(maxsize=256)
def _translated(
    sql: str, kinds: tuple[tuple[str, tuple[tuple[str, str], ...]], ...], dialect: str
) -> exp.Expr:
    schema = MappingSchema(
        {table: dict(columns) for table, columns in kinds}, dialect=OURS, normalize=True
    )
    tree = _asof_joins(parse_one(sql, read=OURS))
    tree = qualify(tree, dialect=OURS, schema=schema, validate_qualify_columns=False)
    tree = _group_all(tree)
    tree = annotate_types(tree, schema=schema, dialect=OURS)
    rewrites = REWRITES.get(dialect, ())
    for node in reversed(list(tree.walk())):  # what lies within comes first
        for rewrite in rewrites:
            made = rewrite(node)
            if made is not node:
                node.replace(made)
                break
    return tree


def written(tree: exp.Expr, dialect: str) -> str:
    """Write a translated text, or stop at what sqlglot knows no words for."""
    return tree.sql(dialect, unsupported_level=ErrorLevel.RAISE)


@functools.lru_cache(maxsize=1024)
def quoted(name: str, dialect: str) -> str:
    """Write a name as it stands, whatever an engine makes of letters without quotes."""
    return exp.to_identifier(name, quoted=True).sql(dialect)


def bound(tree: exp.Expr, parameters: Mapping[str, object]) -> exp.Expr:
    """Put values in place of the parameters of a translated text.

    They become nodes of the tree, which are quoted when the text is written, and are never read
    as SQL.
    """
    for node in list(tree.find_all(exp.Placeholder)):
        node.replace(value(parameters[str(node.this)]))
    return tree


def renamed(tree: exp.Expr, names: Mapping[str, str]) -> exp.Expr:
    """Put the names that tables have in the text that is sent in place of those they have here."""
    within = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if table.name in names and table.name not in within:
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
            table.set("this", exp.to_identifier(names[table.name], quoted=True))
    return tree


MAKES_ROWS = (exp.Join, exp.Lateral, exp.Group, exp.AggFunc, exp.Distinct, exp.Window, exp.With)


def read_through(tree: exp.Expr) -> bool:
    """Whether a text only chooses rows and columns of one table, as it lies."""
    return isinstance(tree, exp.Select) and not tree.find(*MAKES_ROWS, exp.Subquery)


def order_taken(tree: exp.Expr, columns: list[str]) -> str:
    """Take the order out of a text, and write it for DuckDB, if it names only what comes back.

    So rows stand as they do in DuckDB, whatever an engine's collation and its place of what is
    not known.
    """
    order = tree.args.get("order")
    if order is None or tree.args.get("limit") is not None:
        return ""
    here = {name.lower(): engine.quoted(name) for name in columns}
    said = {
        each.this.sql(OURS): here[each.alias_or_name.lower()]
        for each in tree.expressions
        if isinstance(each, exp.Alias)
    } | {str(place): name for place, name in enumerate(here.values(), start=1)}
    keys = []
    for each in order.expressions:
        name = said.get(each.this.sql(OURS)) or here.get(each.this.name.lower())
        if name is None:
            return ""
        nulls = "first" if each.args.get("nulls_first") else "last"
        keys.append(f"{name}{' desc' if each.args.get('desc') else ''} nulls {nulls}")
    tree.set("order", None)
    return f" order by {', '.join(keys)}"


def columns_of(
    place: tuple[str, ...],
    columns: Mapping[str, tuple[str | None, str]],
    here: Mapping[str, Any],
    dialect: str,
) -> exp.Expr:
    """Write a table of a database under our names and as our kinds.

    Parameters
    ----------
    columns : our name -> (the name there, None where there is none; its kind here)
    here : the name there -> its kind, as Ibis says it
    """
    made = []
    for name, (called, kind) in columns.items():
        what = exp.null() if called is None else _known_part(called, kind, here[called], dialect)
        made.append(
            exp.alias_(typed(what, kind, dialect), exp.to_identifier(name.lower(), quoted=True))
        )
    *where, table = (exp.to_identifier(part, quoted=True) for part in place)
    return exp.select(*made).from_(
        exp.Table(
            this=table,
            db=where[-1] if where else None,
            catalog=where[0] if len(where) > 1 else None,
        )
    )


def _known_part(called: str, kind: str, dtype: Any, dialect: str) -> exp.Expr:
    """Name a column without what stands in it for something that is not known.

    That is a number that is none, and in PostgreSQL a time without end, which no calendar has.
    """
    what: exp.Expr = exp.column(exp.to_identifier(called, quoted=True))
    if kind == "DOUBLE" and not dtype.is_integer():
        # PostgreSQL's money becomes a number by way of a decimal alone.
        money = dialect == "postgres" and dtype.is_decimal()
        what = exp.cast(what, "decimal", dialect=dialect) if money else what
        none = exp.cast(exp.Literal.string("NaN"), kind, dialect=OURS)
        return exp.Nullif(this=exp.cast(what, kind, dialect=OURS), expression=none)
    if kind == "TIMESTAMP" and dialect == "postgres":
        finite = exp.Anonymous(this="isfinite", expressions=[what.copy()])
        what = exp.Case().when(finite, what)
    if kind == "TIMESTAMP" and getattr(dtype, "timezone", None):
        what = exp.AtTimeZone(this=what, zone=exp.Literal.string("UTC"))
    return what


def rows(given: list[tuple[object, ...]], kinds: Mapping[str, str], dialect: str) -> exp.Expr:
    """Write the rows of a small table."""
    names = [exp.to_identifier(name.lower(), quoted=True) for name in kinds]
    if not given:
        empty = [
            exp.alias_(typed(exp.null(), kind, dialect), name)
            for name, kind in zip(names, kinds.values(), strict=True)
        ]
        return exp.select(*empty).where(exp.false())
    tuples = [exp.Tuple(expressions=[_cell(each) for each in row]) for row in given]
    values = exp.Values(
        expressions=tuples,
        alias=exp.TableAlias(this=exp.to_identifier("given", quoted=True), columns=names),
    )
    columns = [
        exp.alias_(typed(exp.column(name.copy()), kind, dialect), name.copy())
        for name, kind in zip(names, kinds.values(), strict=True)
    ]
    return exp.select(*columns).from_(values)


def typed(what: exp.Expr, kind: str, dialect: str) -> exp.Expr:
    """Give a column one of our kinds; texts are in the order of their letters' numbers."""
    made = exp.cast(what, _kind(kind), dialect=OURS)
    if kind == "VARCHAR" and dialect == "postgres":
        return exp.Collate(this=made, expression=exp.to_identifier("C", quoted=True))
    return made


def _kind(kind: str) -> str:
    return "TIMESTAMP" if kind.startswith("TIMESTAMP_") else kind


def value(given: object, kind: str = "") -> exp.Expr:
    """Write a value as a node; `kind` is its type, where that has to be said."""
    if given is None:
        return exp.cast(exp.null(), kind, dialect=OURS) if kind else exp.null()
    if isinstance(given, bool):
        return exp.Boolean(this=given)
    if isinstance(given, dt.datetime):
        return exp.cast(exp.Literal.string(given.isoformat(" ")), "timestamp", dialect=OURS)
    if isinstance(given, dt.date):
        return exp.cast(exp.Literal.string(given.isoformat()), "date", dialect=OURS)
    if isinstance(given, float):
        return exp.cast(exp.Literal.string(repr(given)), "double", dialect=OURS)
    if isinstance(given, int):
        whole = exp.Literal.number(abs(given))
        return exp.Neg(this=whole) if given < 0 else whole
    return exp.Literal.string(str(given))


def _cell(given: object) -> exp.Expr:
    """Write a value whose column says of what kind it is."""
    if given is None or isinstance(given, bool | int):
        return value(given)
    return exp.Literal.string(repr(given) if isinstance(given, float) else str(given))


def _asof_joins(tree: exp.Expr) -> exp.Expr:
    """Write an asof join as a join with the one row that holds at the time.

    A row holds until the following one of its key begins, so no two of them fit.
    """
    for join in list(tree.find_all(exp.Join)):
        if join.args.get("method") != "ASOF":
            continue
        right, conditions = join.this, list(join.args["on"].flatten())
        name = right.alias_or_name
        since = next(each for each in conditions if isinstance(each, exp.GTE))
        keys = [
            side
            for each in conditions
            if isinstance(each, exp.EQ)
            for side in (each.this, each.expression)
            if side.table == name
        ]
        following = exp.Window(
            this=exp.Lead(this=exp.column(since.expression.name)),
            partition_by=[exp.column(key.name) for key in keys],
            order=exp.Order(
                expressions=[exp.Ordered(this=exp.column(since.expression.name), nulls_first=False)]
            ),
        )
        rows = right.copy()
        rows.set("alias", exp.TableAlias(this=exp.to_identifier("rows")))
        held = exp.select("*", exp.alias_(following, FOLLOWING)).from_(rows)
        end = exp.column(FOLLOWING, table=name)
        still = exp.or_(end.is_(exp.null()), exp.LT(this=since.this.copy(), expression=end.copy()))
        join.set("this", held.subquery(name))
        join.set("method", None)
        join.set("on", exp.and_(join.args["on"], still))
    return tree


def _group_all(tree: exp.Expr) -> exp.Expr:
    """Name what ``group by all`` and ``order by all`` stand for, by their places."""
    for select in tree.find_all(exp.Select):
        group, order = select.args.get("group"), select.args.get("order")
        if group is not None and group.args.get("all"):
            keys = [
                exp.Literal.number(place)
                for place, each in enumerate(select.expressions, start=1)
                if not _counts(each)
            ]
            select.set("group", exp.Group(expressions=keys) if keys else None)
        if order is not None and order.expressions[0].this.name.upper() == "ALL":
            places = range(1, len(select.expressions) + 1)
            every = [exp.Ordered(this=exp.Literal.number(n), nulls_first=False) for n in places]
            select.set("order", exp.Order(expressions=every))
    return tree


def _counts(column: exp.Expr) -> bool:
    """Whether a column is counted over the rows of a group."""
    return any(
        isinstance(node, exp.AggFunc) or _extreme(node) is not None for node in column.walk()
    )


def _extreme(node: exp.Expr) -> tuple[str, exp.Expr, exp.Expr] | None:
    """Take apart what is at the greatest or least of a key: function, what, and key."""
    if isinstance(node, exp.ArgMax | exp.ArgMin):
        return (
            ("arg_max" if isinstance(node, exp.ArgMax) else "arg_min"),
            node.this,
            node.expression,
        )
    if isinstance(node, exp.Anonymous) and node.name.lower() in EXTREMES:
        return node.name.lower(), *node.expressions
    return None


def _filtered(node: exp.Expr) -> tuple[exp.Expr, list[exp.Expr]]:
    """Take an aggregate out of its filter, and give the conditions of that."""
    if isinstance(node, exp.Filter):
        return node.this, [node.expression.this]
    return node, []


def _known(what: exp.Expr) -> exp.Expr:
    return exp.Not(this=exp.Is(this=what.copy(), expression=exp.null()))


def _first_of(what: exp.Expr, order: Sequence[exp.Expr], where: list[exp.Expr]) -> exp.Expr:
    """Write the first element of an array of what fits, in an order."""
    inside = exp.Order(this=what, expressions=list(order)) if order else what
    listed: exp.Expr = exp.ArrayAgg(this=inside)
    if where:
        listed = exp.Filter(this=listed, expression=exp.Where(this=exp.and_(*where)))
    return exp.Bracket(this=exp.paren(listed), expressions=[exp.Literal.number(0)])


def extremes_of_arrays(node: exp.Expr) -> exp.Expr:
    """Write ``arg_max`` and its like as the first element of an ordered array."""
    inner, where = _filtered(node)
    found = _extreme(inner)
    if found is None or (node is inner and isinstance(node.parent, exp.Filter)):
        return node
    name, what, key = found
    several = isinstance(key, exp.Tuple)
    keys = list(key.expressions) if isinstance(key, exp.Tuple) else [key]
    desc = EXTREMES[name]
    # A key of several parts is known even where a part is not; unknown parts are the greatest.
    order = [exp.Ordered(this=part.copy(), desc=desc, nulls_first=desc) for part in keys]
    where += [] if name.endswith("_null") else [_known(what)]
    where += [] if several else [_known(key)]
    return _first_of(what.copy(), order, where)


def any_of_arrays(node: exp.Expr) -> exp.Expr:
    """Write ``any_value``, which leaves out what is not known, as an element of an array."""
    if isinstance(node, exp.IgnoreNulls) and isinstance(node.this, exp.AnyValue):
        return _first_of(node.this.this.copy(), [], [_known(node.this.this)])
    return node


def known_values_of_arrays(node: exp.Expr) -> exp.Expr:
    """Write the first and the last known value of a window as an element of an array."""
    if not isinstance(node, exp.Window) or not isinstance(node.this, exp.IgnoreNulls):
        return node
    what = node.this.this.this
    last = isinstance(node.this.this, exp.LastValue)

    def over(aggregate: exp.Expr) -> exp.Expr:
        window = node.copy()
        window.set("this", aggregate)
        return window

    listed = exp.Filter(
        this=exp.ArrayAgg(this=what.copy()), expression=exp.Where(this=_known(what))
    )
    place: exp.Expr = exp.Literal.number(0)
    if last:
        place = exp.Sub(this=over(exp.Count(this=what.copy())), expression=exp.Literal.number(1))
    return exp.Bracket(this=exp.paren(over(listed)), expressions=[place])


def rows_of_series(node: exp.Expr) -> exp.Expr:
    """Let a series give its rows by itself."""
    if isinstance(node, exp.Explode | exp.Unnest) and node.find(exp.GenerateSeries):
        return node.find(exp.GenerateSeries) or node
    return node


def whole_numbers_of_flags(node: exp.Expr) -> exp.Expr:
    """Let a flag become a whole number by way of the one kind that the engine knows for it."""
    if isinstance(node, exp.Cast) and node.to.is_type("bigint") and node.this.is_type("boolean"):
        return exp.cast(exp.cast(node.this, "int", dialect=OURS), "bigint", dialect=OURS)
    return node


def extremes_of_structs(node: exp.Expr) -> exp.Expr:
    """Write ``arg_max`` and its like with the key as a struct in which unknown is the greatest."""
    inner, where = _filtered(node)
    found = _extreme(inner)
    if found is None or (node is inner and isinstance(node.parent, exp.Filter)):
        return node
    name, what, key = found
    by = key.copy()
    if isinstance(key, exp.Tuple):
        parts = [
            side
            for part in key.expressions
            for side in (exp.Is(this=part.copy(), expression=exp.null()), part.copy())
        ]
        by = exp.Anonymous(this="struct", expressions=parts)
    where += [] if name.endswith("_null") else [_known(what)]
    made = exp.Anonymous(
        this="max_by" if EXTREMES[name] else "min_by", expressions=[what.copy(), by]
    )
    if not where:
        return made
    return exp.Filter(this=made, expression=exp.Where(this=exp.and_(*where)))


def rows_beside(node: exp.Expr) -> exp.Expr:
    """Let a series of days that stands inside an expression give its rows beside the table."""
    if not isinstance(node, exp.Select):
        return node
    for series in [each.find(exp.Explode) for each in node.expressions]:
        if series is None or not isinstance(series.this, exp.GenerateSeries):
            continue
        days = series.this.copy()
        for end in ("start", "end"):
            days.set(end, exp.cast(days.args[end], "date", dialect=OURS))
        series.replace(exp.column("each_one", table="series"))
        alias = exp.TableAlias(
            this=exp.to_identifier("series"), columns=[exp.to_identifier("each_one")]
        )
        node.append("laterals", exp.Lateral(this=exp.Explode(this=days), view=True, alias=alias))
    return node


def no_time_before_all(node: exp.Expr) -> exp.Expr:
    """Write the time before every other as the first one of the calendar."""
    if isinstance(node, exp.Literal) and node.name == "-infinity":
        return exp.Literal.string("0001-01-01")
    return node


def days_between(node: exp.Expr) -> exp.Expr:
    """Count the days from one date to another, whose difference would be a span of time."""
    dates = isinstance(node, exp.Sub) and node.this.is_type("date")
    if not dates or not node.expression.is_type("date"):
        return node
    made = exp.DateDiff(this=node.this, expression=node.expression, unit=exp.var("day"))
    made.type = exp.DataType.build("bigint")
    return made


def _untranslatable(what: str, node: exp.Expr) -> EngineError:
    """Say in one line that only our own engine can count something, and what to do instead."""
    return EngineError(
        f"Only DuckDB has {what} {' '.join(node.sql(OURS).split())}, so this cannot be counted in "
        "the database. Export its tables as Parquet or CSV, and read them with en.load."
    )


def windows_of_cases(node: exp.Expr) -> exp.Expr:
    """Let the filter of a window leave out values, because it cannot leave out rows."""
    if not isinstance(node, exp.Window) or not isinstance(node.this, exp.Filter):
        return node
    made, where = node.copy(), node.this.expression.this
    counted = made.this.this
    every = isinstance(counted, exp.Count) and isinstance(counted.this, exp.Star)
    what = exp.Literal.number(1) if every else counted.this
    if isinstance(counted, exp.Anonymous | exp.ArrayAgg):
        raise _untranslatable("the window", node)
    counted.set("this", exp.Case().when(where.copy(), what))
    made.set("this", counted)
    return made


LADDER = "CASE WHEN next_stage = reached + 1 THEN next_stage ELSE reached END"


def _ladder(node: exp.Expr) -> tuple[exp.Expr, list[exp.Expr]] | None:
    """Take apart the one fold that our texts have: the steps of a ladder climbed one by one."""
    if not isinstance(node, exp.Anonymous) or node.name.lower() != "list_reduce":
        return None
    listed, fold, _ = node.expressions
    if fold.this.sql(OURS).replace('"', "") != LADDER:
        raise _untranslatable("the fold", fold)
    return listed.this.this, listed.this.expressions


def ladders_of_texts(node: exp.Expr) -> exp.Expr:
    """Find how far a ladder was climbed, as the longest one that is found in a text of the steps.

    The steps 1, 3, 2 are `` 1  3  2 ``, in which ``% 1 % 2 %`` is found and ``% 1 % 2 % 3 %`` not.
    """
    found = _ladder(node)
    if found is None:
        return node
    step, order = found
    inside = ", ".join(each.sql("postgres") for each in order)
    text = step.sql("postgres")
    return parse_one(
        "(select coalesce(max(rung), 0) from generate_series(1, max(" + text + ")) as s(rung) "
        f"where string_agg(' ' || {text} || ' ', '' order by {inside}) like (select "
        "string_agg('% ' || below || ' ', '' order by below) || '%' "
        "from generate_series(1, rung) as l(below)))",
        read="postgres",
    )


def ladders_of_arrays(node: exp.Expr) -> exp.Expr:
    """Fold an array that is put in its order first."""
    found = _ladder(node)
    if found is None:
        return node
    step, order = found
    keys = ", ".join(each.this.sql("spark") for each in order)
    return parse_one(
        f"aggregate(array_sort(collect_list(struct({keys}, {step.sql('spark')} as step))), "
        "cast(0 as bigint), (reached, each) -> case when each.step = reached + 1 "
        "then cast(each.step as bigint) else reached end)",
        read="spark",
    )


REWRITES: dict[str, tuple[Callable[[exp.Expr], exp.Expr], ...]] = {
    "postgres": (
        extremes_of_arrays,
        any_of_arrays,
        known_values_of_arrays,
        rows_of_series,
        whole_numbers_of_flags,
        ladders_of_texts,
    ),
    "spark": (
        extremes_of_structs,
        windows_of_cases,
        days_between,
        ladders_of_arrays,
        rows_beside,
        no_time_before_all,
    ),
}
