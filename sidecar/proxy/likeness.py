"""What a request has in common with one before, when their heads differ in values alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from sidecar.dialects.intent import Route
from sidecar.head import NOTES, Head, Scan
from sidecar.headers import Field, Vocabulary
from sidecar.shapes import Shape, Shapes

# Headers whose values are new for each request or session, as far as no rule depends on the value.
REQUEST_SHAPES = Shapes(
    "X-Amzn-SageMaker-Session-Id",
    "X-Amzn-SageMaker-Inference-Id",
    "X-Amzn-Trace-Id",
    "X-Request-Id",
    "traceparent",
    "tracestate",
)
# What these say is noted in the head; a route does not depend on it.
_NOTED = (Field.CONTENT_LENGTH, Field.SESSION, Field.REQUEST_ID, Field.TRACEPARENT)


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where a value of the head stands: in which of its lines, behind which name."""

    line: int | None  # None: it does not go on
    name: bytes
    note: Callable[[Scan, bytes], bool] | None


@dataclass(frozen=True, slots=True)
class Likeness:
    head: Head
    route: Route
    keep_alive: bool
    _slots: Sequence[_Slot]

    @classmethod
    def of(
        cls,
        head: Head,
        route: Route,
        *,
        keep_alive: bool,
        shape: Shape,
        values: Sequence[bytes],
        vocabulary: Vocabulary,
    ) -> Self | None:
        """None where a value may count for more than itself."""
        if route.lines is not None or head.websocket:
            return None
        slots = []
        for name, value in zip(shape[1::2], values, strict=True):
            slot = _slot(head, name[2:], value, vocabulary)
            if slot is None:
                return None
            slots.append(slot)
        return cls(head, route, keep_alive, slots)

    def head_with(self, values: Sequence[bytes], vocabulary: Vocabulary) -> Head:
        head = self.head.copy()
        scan, lines = Scan(head, vocabulary), head.lines
        for slot, value in zip(self._slots, values, strict=True):
            if slot.note is not None:
                slot.note(scan, value)
            if slot.line is not None:
                lines[slot.line] = b"%b%b\r\n" % (slot.name, value)
        return head


def _slot(head: Head, name: bytes, value: bytes, vocabulary: Vocabulary) -> _Slot | None:
    known = vocabulary.of_request(name[:-2])
    if known is not None and not (known.is_exact and known.field in _NOTED):
        return None
    note = None if known is None else NOTES[known.field]
    if known is not None and known.field is Field.SESSION:
        return _Slot(None, name, note)
    line = b"%b%b\r\n" % (name, value)
    same = [each for each in head.lines if each.lower().startswith(name[:-1].lower())]
    # Neither dropped, as Connection may ask, nor there twice, when the last one counts.
    return _Slot(head.lines.index(line), name, note) if same == [line] else None
