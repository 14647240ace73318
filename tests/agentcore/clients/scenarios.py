"""Runs the functions of a program, each by itself, and prints what became of them.

For programs that run among the clients' own packages: nothing else of ours is imported there.
"""

import inspect
import json
import sys
import traceback
from collections.abc import Callable, Iterator
from types import ModuleType


def run(name_of_module: str) -> None:
    """One line of JSON for each public function that the module defines."""
    module = sys.modules[name_of_module]
    for name, scenario in _scenarios(module):
        fault = None
        try:
            scenario()
        except Exception:
            fault = traceback.format_exc()
        print(json.dumps({"scenario": name, "fault": fault}), flush=True)


def _scenarios(module: ModuleType) -> Iterator[tuple[str, Callable[[], None]]]:
    for name, member in inspect.getmembers(module, inspect.isfunction):
        if member.__module__ == module.__name__ and not name.startswith("_"):
            yield name, member
