"""The shape of a notebook: the heading asks, the next cell answers, and the package does the work.

Each rule is a function from a notebook to what is wrong with it, so that the last tests can show
every rule a notebook that breaks it.
"""

import ast
import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import papermill
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(
    path for path in FOLDER.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts
)

STATEMENTS = 8  # the most that a cell holds
OUTPUT = 60_000  # characters; a longer table is not read by anyone
PICTURES = ("image/", "application/vnd.vega")
MACHINERY = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.For,
    ast.AsyncFor,
    ast.While,
)


def code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def parameters(notebook: NotebookNode) -> list[NotebookNode]:
    return [c for c in code(notebook) if "parameters" in c.metadata.get("tags", [])]


def is_heading(cell: NotebookNode) -> bool:
    return cell.cell_type == "markdown" and cell.source.lstrip().startswith("#")


def untitled(notebook: NotebookNode) -> list[str]:
    first = notebook.cells[0] if notebook.cells else None
    titled = first is not None and is_heading(first) and first.source.startswith("# ")
    return [] if titled else ["the first cell is no title (# ...)"]


def answers_without_question(notebook: NotebookNode) -> list[str]:
    """Find answers under no heading; parameters and one cell of set-up may follow the title."""
    sections = 0
    setting_up = 0
    found = []
    for cell in notebook.cells:
        sections += is_heading(cell)
        if cell.cell_type == "code" and cell not in parameters(notebook) and sections < 2:
            setting_up += 1
            if setting_up > 1:
                found.append(f"no heading before: {first_line(cell)}")
    return found


def headings_that_do_not_ask(notebook: NotebookNode) -> list[str]:
    return [
        first_line(cell)
        for cell, after in zip(notebook.cells, [*notebook.cells[1:], None], strict=True)
        if is_heading(cell)
        and cell.source.startswith("##")
        and after is not None
        and after.cell_type == "code"
        and not first_line(cell).endswith("?")
    ]


def not_one_parameters_cell(notebook: NotebookNode) -> list[str]:
    count = len(parameters(notebook))
    return [] if count == 1 else [f"{count} cells are tagged parameters"]


def silent_parameters(notebook: NotebookNode, folder: Path) -> list[str]:
    """Find parameters without the comment that papermill shows as their help."""
    path = folder / "inspected.ipynb"
    nbformat.write(notebook, path)
    known = papermill.inspect_notebook(str(path))
    if not known:
        return ["papermill finds no parameter"]
    return [name for name, parameter in known.items() if not parameter["help"]]


def machinery(notebook: NotebookNode) -> list[str]:
    """Find what belongs in the package: functions, classes, loops, and what is not Python."""
    found = []
    for cell in code(notebook):
        try:
            nodes = list(ast.walk(ast.parse(cell.source)))
        except SyntaxError:
            found.append(f"not plain Python: {first_line(cell)}")
        else:
            found += [type(node).__name__ for node in nodes if isinstance(node, MACHINERY)]
    return found


def long_cells(notebook: NotebookNode) -> list[str]:
    return [
        f"{size} statements: {first_line(cell)}"
        for cell in code(notebook)
        if (size := statements(cell.source)) > STATEMENTS
    ]


def statements(source: str) -> int:
    try:
        return len(ast.parse(source).body)
    except SyntaxError:
        return source.count("\n") + 1


def out_of_order(notebook: NotebookNode) -> list[str]:
    counts = [cell.execution_count for cell in code(notebook)]
    expected = list(range(1, len(counts) + 1))
    return [] if counts == expected else [f"execution counts are {counts}: run it top to bottom"]


def failures(notebook: NotebookNode) -> list[str]:
    return [
        f"{output.ename}: {output.evalue}"
        for cell in code(notebook)
        for output in cell.outputs
        if output.output_type == "error"
    ]


def other_kernels(notebook: NotebookNode) -> list[str]:
    """Find a kernel that only its author has; without a language papermill cannot inspect."""
    kernel = notebook.metadata.get("kernelspec", {})
    named = {"name": kernel.get("name"), "language": kernel.get("language")}
    return [] if named == {"name": "python3", "language": "python"} else [f"kernel: {named}"]


def floods(notebook: NotebookNode) -> list[str]:
    return [
        f"{kind}, {len(text):,} characters: {first_line(cell)}"
        for cell in code(notebook)
        for kind, text in said(cell)
        if len(text) > OUTPUT and not kind.startswith(PICTURES)
    ]


def said(cell: NotebookNode) -> Iterator[tuple[str, str]]:
    """Give every output of a cell as its kind and its text."""
    for output in cell.outputs:
        yield output.output_type, output.get("text", "")
        for kind, data in output.get("data", {}).items():
            yield kind, data if isinstance(data, str) else json.dumps(data)


def first_line(cell: NotebookNode) -> str:
    return cell.source.strip().partition("\n")[0].strip()


Rule = Callable[[NotebookNode], list[str]]
RULES: list[Rule] = [
    untitled,
    answers_without_question,
    headings_that_do_not_ask,
    not_one_parameters_cell,
    machinery,
    long_cells,
    out_of_order,
    failures,
    other_kernels,
    floods,
]


def test_there_are_notebooks() -> None:
    """Rules that look at no notebook hold for nothing."""
    assert NOTEBOOKS, f"no notebook under {FOLDER}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_shape(path: Path, rule: Rule) -> None:
    """Every stored notebook keeps every rule."""
    assert rule(nbformat.read(path, as_version=4)) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_parameters_explain_themselves(path: Path, tmp_path: Path) -> None:
    """Each parameter has a comment, which papermill shows as its help."""
    assert silent_parameters(nbformat.read(path, as_version=4), tmp_path) == []


def good() -> NotebookNode:
    """Make a small notebook that keeps every rule."""
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# Where does the funnel leak?\n\nFor the head of sales."),
            new_code_cell('period = "2026Q3"  # fiscal quarter', metadata={"tags": ["parameters"]}),
            new_code_cell("import enablement as en"),
            new_markdown_cell("## How many moved on?"),
            new_code_cell("table = [n for n in range(3)]\ntable"),
            new_markdown_cell("Ten more would settle it."),
            new_code_cell("chart"),
            new_markdown_cell("## Next\n\nOpen `03-gap`."),
        ],
        metadata={
            "kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}
        },
    )
    for count, cell in enumerate(code(notebook), start=1):
        cell.execution_count = count
    picture = {"image/png": "A" * 2 * OUTPUT, "text/plain": "a chart"}
    code(notebook)[-1].outputs = [new_output("display_data", data=picture)]
    return notebook


def broken(change: Callable[[NotebookNode], object]) -> NotebookNode:
    notebook = copy.deepcopy(good())
    change(notebook)
    return notebook


def with_source(position: int, source: str) -> Callable[[NotebookNode], object]:
    return lambda notebook: notebook.cells[position].update(source=source)


def with_output(**output: object) -> Callable[[NotebookNode], object]:
    return lambda notebook: code(notebook)[-1].outputs.append(new_output(**output))


BAD: list[tuple[Rule, Callable[[NotebookNode], object]]] = [
    (untitled, lambda notebook: notebook.cells.pop(0)),
    (untitled, with_source(0, "## Where does the funnel leak?")),
    (answers_without_question, lambda notebook: notebook.cells.pop(3)),
    (headings_that_do_not_ask, with_source(3, "## Conversion")),
    (not_one_parameters_cell, lambda notebook: notebook.cells.pop(1)),
    (
        not_one_parameters_cell,
        lambda notebook: notebook.cells[2].metadata.update(tags=["parameters"]),
    ),
    (machinery, with_source(4, "def rate(won, lost):\n    return won / (won + lost)")),
    (machinery, with_source(4, "class Funnel:\n    pass")),
    (machinery, with_source(4, "for rep in reps:\n    rep")),
    (machinery, with_source(4, "while True:\n    break")),
    (machinery, with_source(4, "%matplotlib inline")),
    (long_cells, with_source(4, "\n".join(f"a{n} = {n}" for n in range(9)))),
    (out_of_order, lambda notebook: notebook.cells[4].update(execution_count=7)),
    (out_of_order, lambda notebook: notebook.cells[4].update(execution_count=None)),
    (failures, with_output(output_type="error", ename="KeyError", evalue="stage")),
    (other_kernels, lambda notebook: notebook.metadata.kernelspec.update(name="py311")),
    (other_kernels, lambda notebook: notebook.metadata.kernelspec.pop("language")),
    (other_kernels, lambda notebook: notebook.metadata.pop("kernelspec")),
    (floods, with_output(output_type="stream", name="stdout", text="x" * (OUTPUT + 1))),
    (floods, with_output(output_type="display_data", data={"text/html": "x" * (OUTPUT + 1)})),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_notebook_breaks_no_rule(rule: Rule, tmp_path: Path) -> None:
    """A rule that objects to everything would be of no use either."""
    assert rule(good()) == []
    assert silent_parameters(good(), tmp_path) == []


@pytest.mark.parametrize(("rule", "change"), BAD)
def test_each_rule_can_be_broken(rule: Rule, change: Callable[[NotebookNode], object]) -> None:
    """Each rule finds the notebook that was made to break it."""
    assert rule(broken(change))


def test_every_rule_is_shown_to_break() -> None:
    """A rule without a notebook that breaks it may be one that cannot fail."""
    assert {rule for rule, _ in BAD} == set(RULES)


@pytest.mark.parametrize(
    ("source", "silent"),
    [("period = '2026Q3'", ["period"]), ("a = 1  # one\nb = 2", ["b"]), ("", None)],
)
def test_a_silent_parameter_is_found(source: str, silent: list[str] | None, tmp_path: Path) -> None:
    """A parameter without a comment is named, and a cell without parameters is none."""
    found = silent_parameters(broken(with_source(1, source)), tmp_path)
    assert found == (silent or ["papermill finds no parameter"])
