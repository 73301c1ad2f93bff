"""The shape of the source: what a newcomer relies on."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "retread"
FILES = sorted(SOURCE.rglob("*.py"))
VAGUE = {"utils", "util", "common", "helpers", "helper", "base", "manager", "misc", "tools"}
RETIRED = {
    *("acts", "answers", "asking", "awaited", "bodies", "closing", "course", "crew", "deaf"),
    *("front", "gathered", "glance", "goals", "ground", "judging", "lifeline", "likeness"),
    *("measures", "moments", "narrator", "nearness", "neighbours", "notice", "once"),
    *("order", "placing", "standing", "story", "strays", "tellers", "trial", "unwritten", "wake"),
    *("watched", "words", "moments", "script", "letter", "settled", "yardstick", "sender"),
    *("held_back", "late_labels", "slack_stand_in", "last_words", "miniature", "bones", "desk"),
}
"""Words for which the field has others: see the vocabulary in docs/architecture.md."""
LINES = {path: len(path.read_text("utf-8").splitlines()) for path in FILES}


def short(path: Path) -> str:
    return str(path.relative_to(SOURCE))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(path)))


def test_files_hold_one_concept() -> None:
    assert 70 <= statistics.median(LINES.values()) <= 120
    assert [short(path) for path, size in LINES.items() if size > 400] == []


def test_functions_are_short() -> None:
    long = [
        f"{short(path)}:{node.lineno} {node.name}"
        for path in FILES
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > 60
    ]
    assert long == []


def test_every_package_says_what_it_is_for_and_what_it_offers() -> None:
    for folder in sorted({path.parent for path in FILES}):
        package = folder / "__init__.py"
        assert package.exists(), f"{short(folder)} is no package"
        body = tree(package)
        assert ast.get_docstring(body), f"{short(package)} has no docstring"
        names = [
            target.id
            for node in body.body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        ]
        assert "__all__" in names, f"{short(package)} has no __all__"


def test_packages_only_re_export() -> None:
    # The package itself loads its names when they are first used.
    packages = [p for p in FILES if p.name == "__init__.py" and p.parent != SOURCE]
    for path in packages:
        for node in tree(path).body:
            assert not isinstance(node, ast.FunctionDef | ast.ClassDef), short(path)


def test_every_module_says_what_it_is_for() -> None:
    silent = [short(p) for p in FILES if not ast.get_docstring(tree(p))]
    assert silent == []


def test_no_name_is_vague_retired_or_repeats_its_folder() -> None:
    unwanted = VAGUE | RETIRED
    assert [short(path) for path in FILES if {path.stem, path.parent.name} & unwanted] == []
    retired = {word.title().replace("_", "") for word in RETIRED} | RETIRED
    named = [
        f"{short(path)}:{node.lineno} {node.name}"
        for path in FILES
        for node in nodes(path)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name in retired
    ]
    assert named == []
    assert [short(p) for p in FILES if p.stem.startswith(f"{p.parent.name}_")] == []


def test_no_class_name_is_used_twice() -> None:
    places: dict[str, list[str]] = {}
    for path in FILES:
        for node in nodes(path):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(f"{short(path)}:{node.lineno}")
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


@pytest.mark.parametrize("word", ["TODO", "FIXME", "XXX", "HACK"])
def test_nothing_is_left_for_later(word: str) -> None:
    assert [short(p) for p in FILES if re.search(rf"\b{word}\b", p.read_text("utf-8"))] == []


def test_nothing_names_a_place_on_one_machine() -> None:
    machine = re.compile(r"/(?:home|Users|work|root|tmp)/|[A-Z]:\\\\")
    assert [short(p) for p in FILES if machine.search(p.read_text("utf-8"))] == []


def test_exceptions_from_the_rules_give_their_reason() -> None:
    bare = re.compile(
        r"#\s*(?:type:\s*ignore|noqa)(?:\[[^\]]*\]|:\s*[A-Z0-9, ]+)?\s*$", re.MULTILINE
    )
    assert [short(p) for p in FILES if bare.search(p.read_text("utf-8"))] == []


NOT_IMPORTED = {
    "protobuf": "bounded for skl2onnx",
    "psycopg": "the driver of postgresql:// URLs",
    "uvloop": "named as the loop of the server",
}
LOCKED_TO_ANOTHER = {"pydantic-core": "pydantic"}


def test_what_is_imported_is_declared_and_what_is_declared_is_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["vision"], *extras["postgres"]]
    declared = {canonical(re.split(r"[\[<>=,; ]", text)[0]) for text in wanted}
    distributions = packages_distributions()
    undeclared, used = set(), set()
    for path in FILES:
        for name in imported_packages(path):
            if name in sys.stdlib_module_names or name == "retread":
                continue
            named = {canonical(found) for found in distributions[name]}
            offered = {LOCKED_TO_ANOTHER.get(found, found) for found in named} & declared
            used |= offered
            undeclared |= set() if offered else {f"{name} in {short(path)}"}
    assert undeclared == set()
    assert declared - used == set(NOT_IMPORTED)
    assert set(extras) == {"vision", "postgres", "dev"}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported_packages(path: Path) -> set[str]:
    """The first part of every absolute import, at any depth."""
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def test_imports_go_one_way() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("retread.app", {"onnxruntime", "mlflow", "dbos", "lance", "torch", "sklearn"}),
        ("retread.app.supervisor", {"onnxruntime", "numpy", "fastapi", "rich", "typer"}),
        (
            "retread.app.control.__main__",
            {"retread.data.add", "retread.data.images", "mlflow", "dbos"},
        ),
        ("retread.app.run_loop", {"retread.data.add", "retread.data.images", "mlflow", "lance"}),
        ("retread.cli.main", {"onnxruntime", "mlflow", "dbos", "lance", "torch", "sklearn"}),
        ("retread.data", {"retread.data.add", "retread.data.tables", "lance"}),
        ("retread.data.version", {"lance", "torch", "mlflow"}),
        ("retread.loop", {"dbos", "mlflow", "torch"}),
        ("retread.registry", {"lance", "mlflow", "torch", "sklearn"}),
        ("retread.serving", {"lance", "mlflow", "torch", "sklearn", "pandas"}),
        ("retread.training", {"mlflow", "torch", "sklearn"}),
    ],
)
def test_what_is_light_stays_light(module: str, unwanted: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert unwanted & set(found) == set()


def test_help_loads_no_heavy_library() -> None:
    code = (
        "import sys\nfrom retread.cli.main import run\nrun(['--help'])\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stderr.split()
    assert not {"mlflow", "torch", "sklearn", "lance", "dbos", "onnxruntime", "pandas"} & set(
        loaded
    )


DECISIONS = (
    "core/metric.py",
    "core/verdict.py",
    "data/checks/*.py",
    "data/assign.py",
    "data/near_duplicates.py",
    "data/splits.py",
    "data/validation.py",
    "training/early_stopping.py",
    "training/plan.py",
    "registry/checks/*.py",
    "registry/comparison/*.py",
    "registry/fold.py",
    "registry/gate.py",
    "registry/promotion_rules.py",
    "registry/stages.py",
    "serving/slots.py",
    "monitoring/betting.py",
    "monitoring/conformal/*.py",
    "monitoring/detectors/*.py",
    "monitoring/effect.py",
    "loop/arbiter.py",
    "loop/canary/advance.py",
    "loop/canary/checks.py",
    "loop/selection.py",
    "loop/triggers/*.py",
)
EFFECTS = {
    *("asyncio", "http", "os", "pathlib", "random", "secrets", "shutil", "socket", "sqlite3"),
    *("sqlalchemy", "subprocess", "tempfile", "threading", "time", "urllib", "uuid"),
}
IMPURE = {"now", "today", "open", "default_rng"}


@pytest.mark.parametrize("pattern", DECISIONS)
def test_decisions_need_no_clock_disk_or_network(pattern: str) -> None:
    found = sorted(SOURCE.glob(pattern))
    assert found, "a decision has moved: say where to"
    for path in found:
        assert imported_packages(path) & EFFECTS == set(), short(path)
        calls = [node for node in nodes(path) if isinstance(node, ast.Call)]
        # A generator that is given its seed is no chance.
        reached = {
            called(node) for node in calls if not (called(node) == "default_rng" and node.args)
        }
        assert reached & IMPURE == set(), short(path)


def called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


SILENT = (
    "cli",
    "cli/commands",
    "data/checks",
    "data/sources",
    "demos/bikes",
    "demos/tires",
    "loop/triggers",
    "monitoring/detectors",
    "notify/notifiers",
    "registry/checks",
    "training/model_types",
    "training/model_types/tabular",
    "training/model_types/vision",
    "training/recipes",
)
"""Packages whose files are found by their names, so that adding one is one new file."""


def test_only_packages_of_plugins_and_commands_offer_nothing_by_name() -> None:
    empty = re.compile(r"^__all__(?:: list\[str\])? = \[\]$", re.MULTILINE)
    packages = {path.parent for path in FILES if path.name == "__init__.py"}
    silent = {p for p in packages if empty.search((p / "__init__.py").read_text("utf-8"))}
    assert silent == {SOURCE / name for name in SILENT}
