"""Run a coroutine that is known not to suspend, without a task."""

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def step(coroutine: Coroutine[Any, Any, T]) -> T:
    """Its result. The store's calls are such coroutines where `store.immediate` is true."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    coroutine.close()
    raise RuntimeError("a store that is called immediate has suspended")
