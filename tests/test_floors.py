"""Every module imports from lower floors only; so there are no circles, and no way around."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "sidecar"

# From the ground up. A room is a module or a package; within a package, `INSIDE` goes on.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("", "errors", "clock", "headers", "histogram", "life", "turn", "control", "sse", "jsontext"),
    ("repeats", "shapes"),
    ("delegation.grammar",),
    ("head", "config", "splice"),
    ("sessions",),
    ("dialects.intent", "engine"),
    ("memory",),
    ("dialects", "ops", "listening", "delegation"),
    ("proxy", "admin"),
    ("drain", "workers", "keeping", "contracts"),
    ("supervisor",),
    ("parts",),
    ("manager",),
    ("app", "healthcheck", "demo"),
    ("commands",),
    ("cli", "worker"),
    ("__main__",),
)
INSIDE: dict[str, tuple[tuple[str, ...], ...]] = {
    "proxy": (
        ("pace", "reset", "watches", "parser"),
        ("house",),
        ("wire", "action", "way", "connections"),
        ("plan", "likeness"),
        ("planner",),
        ("framing", "inject"),
        ("client",),
        ("body", "outgoing"),
        ("tunnel", "relay", "api"),
        ("forwarding",),
        ("visit", "server"),
        ("lane", "express"),
    ),
}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        yield name.removesuffix("__init__").removesuffix("."), path


def imported(path: Path) -> Iterator[str]:
    """Modules of ours that are imported when this one is: not in a function, not for types only."""
    for node in _run_at_import(ast.parse(path.read_text()).body):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sidecar":
            yield from _named(node)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "sidecar":
                    yield alias.name.removeprefix("sidecar").lstrip(".")


def _named(node: ast.ImportFrom) -> Iterator[str]:
    """`from package import module` names the module, `from module import thing` too."""
    room = (node.module or "").removeprefix("sidecar").lstrip(".")
    for alias in node.names:
        path = PACKAGE.joinpath(*room.split("."), alias.name)
        is_module = path.with_suffix(".py").exists() or path.is_dir()
        yield f"{room}.{alias.name}".lstrip(".") if is_module else room


def _run_at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        for field in ("body", "orelse", "handlers", "finalbody"):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from _run_at_import(getattr(node, field, []))


def floor(name: str, floors: tuple[tuple[str, ...], ...]) -> int:
    """The floor of the longest room name that `name` lies in."""
    rooms = {room: number for number, rooms in enumerate(floors) for room in rooms}
    parts = name.split(".") if name else [""]
    for length in range(len(parts), 0, -1):
        room = ".".join(parts[:length])
        if room in rooms:
            return rooms[room]
    raise AssertionError(f"sidecar.{name} has no floor: give it one in this file")


MODULES = list(modules())


@pytest.mark.parametrize("name, path", MODULES, ids=[name or "sidecar" for name, _ in MODULES])
def test_imports_go_down(name: str, path: Path) -> None:
    for other in imported(path):
        room, other_room = name.split(".")[0], other.split(".")[0]
        if floor(name, FLOORS) == floor(other, FLOORS) and room == other_room:
            check_inside(room, name, other)
        else:
            assert floor(other, FLOORS) < floor(name, FLOORS), f"{name} imports {other}"


def check_inside(room: str, name: str, other: str) -> None:
    floors = INSIDE.get(room)
    inner, other_inner = name.partition(".")[2], other.partition(".")[2]
    if floors is None or not inner or inner.split(".")[0] == other_inner.split(".")[0]:
        return
    assert floor(other_inner, floors) < floor(inner, floors), f"{name} imports {other}"


def test_no_module_imports_itself_over_others() -> None:
    graph = {name: set(imported(path)) for name, path in MODULES}

    def reach(name: str, seen: set[str]) -> set[str]:
        for other in graph.get(name, set()) - seen:
            seen.add(other)
            reach(other, seen)
        return seen

    assert [name for name in graph if name in reach(name, set())] == []
