"""The house rules that the source itself shows: who may import, open, colour, print, ask the time.

Each rule is a function from a package's folder to the list of places that break it, so that the
last test can show every rule a package that breaks it.
"""

import ast
import functools
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "enablement"

# The order of the house: data runs right, imports run left.
ROOMS = [
    "errors",
    "periods",
    "workdays",
    "settings",
    "read",
    "world",
    "measure",
    "plan",
    "evaluate",
    "show",
    "run",
]
DECIDING = ["measure", "plan", "evaluate"]
FACE = "the public face"

READERS = {"read_csv", "read_excel", "read_fwf", "read_json", "read_parquet", "read_table"}
READS_IN_SQL = re.compile(r"\b(read_csv|read_csv_auto|read_json|read_parquet|read_xlsx)\s*\(", re.I)
CLOCK = {"now", "today", "utcnow"}
CLOCK_IN_SQL = re.compile(
    r"\b(?:(?:now|today|get_current_timestamp)\s*\(\s*\)|current_(?:date|timestamp|time)\b)", re.I
)
DRAWING = {"altair", "IPython", "ipywidgets", "matplotlib", "vl_convert"}
COLOUR = re.compile(
    r"#(?:[0-9a-f]{8}|[0-9a-f]{6})\b|(?:^|:\s*)#[0-9a-f]{3}\b|\b(?:rgb|hsl)a?\(\s*\d", re.I
)
VAGUE = {"utils", "util", "helpers", "helper", "common", "core", "misc"}


def modules(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


def rooms(package: Path, names: list[str], suffix: str = ".py") -> Iterator[Path]:
    """Give the files of some rooms, whether a room is one file or a folder."""
    for path in sorted(package.rglob(f"*{suffix}")):
        if room_of(path, package) in names:
            yield path


def room_of(path: Path, package: Path) -> str:
    first = path.relative_to(package).parts[0].removesuffix(".py")
    return {"__init__": FACE, "__main__": "run"}.get(first, first)


def tree(path: Path) -> ast.Module:
    return _parsed(path.read_text(encoding="utf-8"), str(path))


@functools.cache
def _parsed(text: str, name: str) -> ast.Module:
    """Read a text once for all rules."""
    return ast.parse(text, name)


def place(path: Path, package: Path, node: ast.AST) -> str:
    return f"{path.relative_to(package)}:{getattr(node, 'lineno', 0)}"


def called(node: ast.AST) -> str:
    """Give the last name of what is called: ``pd.read_csv(...)`` is ``read_csv``."""
    if not isinstance(node, ast.Call):
        return ""
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def imported(node: ast.AST, path: Path, package: Path) -> Iterator[str]:
    """Give the full dotted names a node imports, relative ones resolved."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        inside = [package.name, *path.relative_to(package).parent.parts]
        above = inside[: len(inside) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        yield from (f"{base}.{alias.name}" for alias in node.names)
    elif called(node) in {"import_module", "__import__"} and isinstance(node, ast.Call):
        yield from filter(None, map(constant, node.args[:1]))


def rooms_imported(node: ast.AST, path: Path, package: Path) -> Iterator[str]:
    """Give the rooms of ours that a node imports from; a name that is no room is the face's."""
    for name in imported(node, path, package):
        ours, _, rest = name.partition(".")
        if ours == package.name:
            room = rest.partition(".")[0]
            yield room if room in ROOMS else FACE


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Give what runs when a module is imported: no bodies of functions, nothing for types alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from at_import(child)


def outside_the_rooms(package: Path) -> list[str]:
    known = [FACE, *ROOMS]
    return [str(path) for path in modules(package) if room_of(path, package) not in known]


def imports_to_the_right(package: Path) -> list[str]:
    found = []
    for path in modules(package):
        room = room_of(path, package)
        if room not in ROOMS:
            continue
        allowed = [*ROOMS[: ROOMS.index(room) + 1], *([FACE] if room == "run" else [])]
        for node in ast.walk(tree(path)):
            for other in rooms_imported(node, path, package):
                if other not in allowed:
                    found.append(f"{place(path, package, node)}: {room} imports {other}")
    return found


def face_that_loads(package: Path) -> list[str]:
    path = package / "__init__.py"
    return [
        f"{place(path, package, node)}: loads {other}"
        for node in at_import(tree(path))
        for other in rooms_imported(node, path, package)
    ]


def files_opened(package: Path) -> list[str]:
    among = [*DECIDING, "show"]
    found = [
        f"{place(path, package, node)}: {called(node)}()"
        for path in rooms(package, among)
        for node in ast.walk(tree(path))
        if called(node) in {*READERS, "open"}
    ]
    return found + matches(package, among, READS_IN_SQL)


def colours(package: Path) -> list[str]:
    return [
        f"{place(path, package, node)}: {constant(node)[:40]!r}"
        for path in modules(package)
        if path.relative_to(package).as_posix() != "show/theme.py"
        for node in ast.walk(tree(path))
        if COLOUR.search(constant(node))
    ]


def prints(package: Path) -> list[str]:
    return [
        place(path, package, node)
        for path in modules(package)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"print", "pprint"}
    ]


def drawings_in_measure(package: Path) -> list[str]:
    return [
        f"{place(path, package, node)}: {name}"
        for path in rooms(package, ["measure"])
        for node in ast.walk(tree(path))
        for name in imported(node, path, package)
        if name.partition(".")[0] in DRAWING
    ]


def clocks(package: Path) -> list[str]:
    found = [
        f"{place(path, package, node)}: {called(node)}()"
        for path in rooms(package, DECIDING)
        for node in ast.walk(tree(path))
        if called(node) in CLOCK
    ]
    return found + matches(package, DECIDING, CLOCK_IN_SQL)


def vague_names(package: Path) -> list[str]:
    return [
        str(path.relative_to(package))
        for path in modules(package)
        if VAGUE & {part.removesuffix(".py").strip("_") for part in path.relative_to(package).parts}
    ]


def matches(package: Path, among: list[str], pattern: re.Pattern[str]) -> list[str]:
    """Give the places where SQL says a thing: in .sql files and in the strings of modules."""
    found = []
    for path in rooms(package, among, ".sql"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if pattern.search(line.partition("--")[0]):
                found.append(f"{path.relative_to(package)}:{number}: {line.strip()}")
    for path in rooms(package, among):
        source = tree(path)
        said = {id(text) for text in docstrings(source)}
        for node in ast.walk(source):
            text = constant(node)
            if text and id(node) not in said and pattern.search(text):
                found.append(f"{place(path, package, node)}: {text.strip()[:60]!r}")
    return found


def constant(node: ast.AST) -> str:
    """Give the text of a string literal, nothing for anything else."""
    value = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) else ""


def docstrings(source: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(source):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and constant(first.value):
            yield first.value


def test_there_is_a_package_to_look_at() -> None:
    """Rules that look at no file hold for nothing."""
    assert {"errors", "read", "measure", "show", "run"} <= {
        room_of(path, PACKAGE) for path in modules(PACKAGE)
    }


def test_every_file_is_in_a_room() -> None:
    """A file belongs to one of the rooms, or the order of the rooms says nothing about it."""
    assert outside_the_rooms(PACKAGE) == []


def test_imports_run_left() -> None:
    """Data runs right, so a room imports only itself and the rooms to its left."""
    assert imports_to_the_right(PACKAGE) == []


def test_the_face_imports_lazily() -> None:
    """``import enablement`` loads no room until one of its names is asked for."""
    assert face_that_loads(PACKAGE) == []


HEAVY = "numpy pandas pyarrow duckdb ibis scipy statsmodels altair vl_convert IPython ipywidgets"


def loaded_by(code: str) -> set[str]:
    """Run some lines, and give the heavy libraries that they loaded."""
    heavy = (
        "numpy pandas pyarrow duckdb ibis scipy statsmodels altair vl_convert IPython ipywidgets"
    )
    shown = f"{code}\nimport sys; print(*sorted({{*'{heavy}'.split()}} & {{*sys.modules}}))"
    ran = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_importing_the_package_is_quick() -> None:
    """The first ``import enablement`` brings none of the libraries that take time to load."""
    assert loaded_by("import enablement") == set()


def test_names_bring_what_they_need_and_no_more() -> None:
    """To read and count brings the engine; statistics, drawing and widgets come when used."""
    every = (
        "import enablement as en\n[getattr(en, name) for name in en.__all__ if name != 'widgets']"
    )
    assert loaded_by(every) == {"numpy", "pandas", "pyarrow", "duckdb"}


def test_only_read_opens_exports() -> None:
    """Measures, plans, effects and charts get tables, never files."""
    assert files_opened(PACKAGE) == []


def test_only_the_theme_knows_a_colour() -> None:
    """A colour is written down once, in show/theme.py."""
    assert colours(PACKAGE) == []


def test_nothing_prints() -> None:
    """The package returns what it has to say; notebooks and the command line show it."""
    assert prints(PACKAGE) == []


def test_measures_draw_nothing() -> None:
    """A measure gives a table, so it has no use for a drawing library."""
    assert drawings_in_measure(PACKAGE) == []


def test_nothing_that_decides_asks_the_clock() -> None:
    """``as_of`` comes from outside, so last quarter's numbers can be had again."""
    assert clocks(PACKAGE) == []


def test_modules_are_named_after_their_work() -> None:
    """A module called utils says that the flow is missing a word."""
    assert vague_names(PACKAGE) == []


GOOD = {
    "__init__.py": "def __getattr__(name):\n    from enablement import read\n    return read\n",
    "__main__.py": "import enablement\nfrom enablement.run.cli import app\n",
    "errors.py": "class EnablementError(Exception):\n    'What went wrong.'\n",
    "read/tables.py": "from ..errors import EnablementError\npd.read_csv('x')\n",
    "measure/funnel.py": "'''Never now() or today().'''\nfrom enablement.read import tables\n",
    "measure/sql/funnel.sql": "select 1 -- not now()\n",
    "show/theme.py": "WON = '#0072B2'\n",
    "show/charts/funnel.py": "from .. import theme\nTITLE = 'Deal #1234'\n",
    "run/cli.py": "import enablement as en\nconsole.print('done')\n",
}

BAD = [
    (outside_the_rooms, "coaching.py", ""),
    (imports_to_the_right, "errors.py", "from enablement.settings import Settings"),
    (imports_to_the_right, "read/tables.py", "from enablement.measure import funnel"),
    (imports_to_the_right, "read/tables.py", "from enablement import show"),
    (imports_to_the_right, "read/tables.py", "from .. import world"),
    (imports_to_the_right, "measure/funnel.py", "from ..show.charts import bar"),
    (imports_to_the_right, "measure/funnel.py", "import enablement.plan.goal"),
    (imports_to_the_right, "measure/funnel.py", "def f():\n    from enablement import run"),
    (imports_to_the_right, "plan/goal.py", "if TYPE_CHECKING:\n    from enablement import show"),
    (imports_to_the_right, "show/charts/funnel.py", "from enablement import load"),
    (imports_to_the_right, "show/charts/funnel.py", "import enablement as en"),
    (imports_to_the_right, "plan/goal.py", "import_module('enablement.run.batch')"),
    (imports_to_the_right, "show/deep/x.py", "from ...run import batch"),
    (face_that_loads, "__init__.py", "from enablement.read import load"),
    (face_that_loads, "__init__.py", "from . import errors"),
    (face_that_loads, "__init__.py", "try:\n    import enablement.run\nexcept ImportError: pass"),
    (files_opened, "measure/funnel.py", "pd.read_csv('deals.csv')"),
    (files_opened, "plan/goal.py", "open('goal.toml')"),
    (files_opened, "evaluate/impact.py", "Path('x').open()"),
    (files_opened, "show/charts/funnel.py", "from pandas import read_excel\nread_excel('x')"),
    (files_opened, "measure/sql/funnel.sql", "select * from read_csv('deals.csv')"),
    (files_opened, "measure/funnel.py", "QUERY = \"from read_parquet('deals')\""),
    (colours, "show/charts/funnel.py", "BLUE = '#0072b2'"),
    (colours, "run/cli.py", "STYLE = f'color: #fff; width: {w}px'"),
    (colours, "show/widgets.py", "STYLE = 'background:rgb(0, 10, 20)'"),
    (prints, "run/cli.py", "print('done')"),
    (drawings_in_measure, "measure/funnel.py", "import altair as alt"),
    (drawings_in_measure, "measure/funnel.py", "def f():\n    from IPython.display import display"),
    (clocks, "measure/funnel.py", "import datetime as dt\ndt.date.today()"),
    (clocks, "measure/funnel.py", "pd.Timestamp.now(tz='UTC')"),
    (clocks, "measure/sql/funnel.sql", "where entered_at <= current_date"),
    (clocks, "plan/goal.py", "QUERY = 'select now()'"),
    (vague_names, "show/utils.py", ""),
    (vague_names, "read/common/dates.py", ""),
]

RULES: list[Callable[[Path], list[str]]] = list(dict.fromkeys(rule for rule, _, _ in BAD))


def build(root: Path, files: dict[str, str]) -> Path:
    package = root / "enablement"
    for name, source in files.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return package


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_package_breaks_no_rule(rule: Callable[[Path], list[str]], tmp_path: Path) -> None:
    """A rule that objects to everything would be of no use either."""
    assert rule(build(tmp_path, GOOD)) == []


@pytest.mark.parametrize(("rule", "name", "source"), BAD)
def test_each_rule_can_be_broken(
    rule: Callable[[Path], list[str]], name: str, source: str, tmp_path: Path
) -> None:
    """Each rule finds the one file that was made to break it."""
    found = rule(build(tmp_path, GOOD | {name: source}))
    assert len(found) == 1
    assert name in found[0]
