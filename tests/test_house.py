"""The rules of the house: one import name, imports that go one way, Hugging Face's `datasets` in its place."""

import ast
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
# Lower numbers may not import higher ones; equal numbers of different folders may not import each other.
FLOORS = {
    "venire._common": 0,
    "venire.judges.statistics": 1,
    "venire.engine": 2,
    "venire.datasets": 3,
    "venire.evals": 4,
    "venire.training": 4,
    "venire.judges": 5,
    "venire.reports": 6,
    "venire": 7,
}
FOLDERS = ("evals", "judges", "training", "reports", "datasets")  # linked under venire/


def modules() -> list[tuple[str, Path]]:
    found = []
    for folder in ("venire", *FOLDERS):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = list(path.relative_to(ROOT).parts)
            if folder == "venire" and parts[1] in FOLDERS:
                continue
            dotted = ".".join(parts if folder == "venire" else ["venire", *parts]).removesuffix(".py")
            found.append((dotted.removesuffix(".__init__"), path))
    return found


def floor(module: str) -> tuple[str, int]:
    name = max((n for n in FLOORS if module == n or module.startswith(n + ".")), key=len)
    return name, FLOORS[name]


def imported(module: str, path: Path) -> set[str]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parent, base] if base else parent)
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return {name for name in names if name == "venire" or name.startswith("venire.")}


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_go_down_the_floors(module: str, path: Path) -> None:
    here, level = floor(module)
    for name in imported(module, path):
        if name in ("venire", "venire.__version__"):  # the version is everybody's
            continue
        there, other = floor(name)
        assert there == here or other < level, f"{module} imports {name}: up the house, or sideways"


def test_statistics_import_nothing_heavy() -> None:
    heavy = "[m for m in ('torch', 'transformers', 'inspect_ai') if m in sys.modules]"
    code = f"import sys, venire.judges.statistics.winrate; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom venire.cli import cli\n"
        "cli(['--help'], standalone_mode=False)\n"
        "print([m for m in ('torch','transformers','trl','inspect_ai','polars','scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


def test_datasets_is_hugging_faces_from_the_root() -> None:
    assert not (ROOT / "datasets" / "__init__.py").exists()
    code = "import datasets; print(datasets.Dataset.__module__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip().startswith("datasets.")


def test_the_five_folders_are_links_and_tests_hold_no_package() -> None:
    for name in ("evals", "judges", "training", "reports", "datasets"):
        assert (ROOT / "venire" / name).is_symlink()
        assert (ROOT / "venire" / name).resolve() == ROOT / name
    assert not list((ROOT / "tests").rglob("__init__.py"))


@pytest.mark.parametrize(
    "package",
    [
        "venire._common",
        "venire.engine",
        "venire.evals",
        "venire.training",
        "venire.judges",
        "venire.judges.statistics",
        "venire.reports",
    ],
)
def test_exported_names_exist_and_are_documented(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__doc__
    for name in getattr(module, "__all__", []):
        assert hasattr(module, name), f"{package}.{name} is not there"
        made = definition(package, name)
        if made is not None:
            assert ast.get_docstring(made), f"{package}.{name} has no docstring"


def definition(module: str, name: str) -> ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Where a name is written, through all imports; None for a value. What runs tells of no docstring: @dataclass
    writes the signature in its place, and Inspect's decorators drop it."""
    path = dict(modules())[module]
    body = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(body):
        if isinstance(node, ast.ImportFrom) and any((alias.asname or alias.name) == name for alias in node.names):
            there = next(alias.name for alias in node.names if (alias.asname or alias.name) == name)
            package = module if path.name == "__init__.py" else module.rpartition(".")[0]
            parent = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            home = ".".join([*parent, *([node.module] if node.module else [])])
            return definition(home, there) if home in dict(modules()) else None
    defined = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return next((node for node in body.body if isinstance(node, defined) and node.name == name), None)


def test_a_docstring_is_read_where_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(definition("venire.judges", "Pair"), ast.ClassDef)
    assert isinstance(definition("venire.evals", "value_alignment"), ast.FunctionDef)  # decorated by Inspect
    (tmp_path / "__init__.py").write_text("from .inside import Bare\n")
    (tmp_path / "inside.py").write_text("@dataclass(frozen=True)\nclass Bare:\n    id: str\n")
    files = [("venire.x", tmp_path / "__init__.py"), ("venire.x.inside", tmp_path / "inside.py")]
    monkeypatch.setitem(globals(), "modules", lambda: files)
    made = definition("venire.x", "Bare")
    assert made is not None and ast.get_docstring(made) is None


def test_every_public_name_of_a_module_has_a_docstring() -> None:
    made = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bare = [
        f"{module}.{node.name}"
        for module, path in modules()
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, made) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert not bare


def test_every_module_says_its_reason_in_its_first_line() -> None:
    for module, path in modules():
        doc = ast.get_docstring(ast.parse(path.read_text("utf-8")))
        assert doc and doc.splitlines()[0].endswith((".", ":", "?", "…")), f"{module} does not open with a sentence"


def test_a_constraints_file_carries_no_address() -> None:
    text = (ROOT / "constraints.txt").read_text("utf-8")
    assert "://" not in text and "@" not in text
    assert "torch==2.13.0" in text.splitlines()


def declared() -> dict[str, Requirement]:
    """What is installed with Venire, by the name under which it is imported."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found = [Requirement(text) for text in project["dependencies"]]
    return {{"pyyaml": "yaml"}.get(each.name, each.name.replace("-", "_")): each for each in found}


def test_what_is_imported_is_declared() -> None:
    known = {*declared(), *sys.stdlib_module_names, "venire", "ray"}  # Ray is an extra
    for module, path in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                assert name.split(".")[0] in known, f"{module} imports {name}, which pyproject.toml does not name"


def test_what_is_declared_is_pinned_to_a_version_that_will_do() -> None:
    pins = dict(
        line.lower().replace("_", "-").split("==")
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        if "==" in line
    )
    for needed in declared().values():
        assert needed.specifier.contains(pins[needed.name]), f"{needed} is pinned to {pins[needed.name]}"
