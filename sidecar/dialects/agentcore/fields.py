"""Reading the members of a request, with the API's own words for what is wrong with them."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Self

from sidecar.dialects.agentcore.errors import CANNOT_PARSE, ValidationFailed

# A value is repeated in a message only if it is short: it may be a whole conversation.
_SHOWN = 100
# 9999-12-31T23:59:59.999Z, the last that Python's datetime can hold; botocore would not read more.
LATEST_MS = 253_402_300_799_999


@dataclass(frozen=True, slots=True)
class Rule:
    """What a text must be. `pattern` is one that Java and Python read alike."""

    least: int = 1
    most: int | None = None
    pattern: str = ""

    def broken_by(self, text: str) -> str | None:
        """The constraint that is not kept."""
        if len(text) < self.least:
            return f"Member must have length greater than or equal to {self.least}"
        if self.most is not None and len(text) > self.most:
            return f"Member must have length less than or equal to {self.most}"
        # ASCII, because Java's \s is; re keeps what it has compiled.
        if self.pattern and not re.fullmatch(self.pattern, text, re.ASCII):
            return f"Member must satisfy regular expression pattern: {self.pattern}"
        return None


class Fields:
    """One object of a request. A member that is null counts as one that is not there."""

    def __init__(self, members: Mapping[str, Any], path: str = "") -> None:
        self._members = members
        self._path = path

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """No body is an empty object: botocore sends none where it has no members to send."""
        try:
            value = json.loads(body or b"{}", parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise ValidationFailed("the body is not valid JSON", reason=CANNOT_PARSE) from None
        if not isinstance(value, dict):
            raise ValidationFailed("the body is not a JSON object", reason=CANNOT_PARSE)
        return cls(value)

    def __contains__(self, name: str) -> bool:
        return self._members.get(name) is not None

    def refuse(self, name: str, constraint: str) -> NoReturn:
        value = self._members.get(name)
        raise violation(self.path(name), value, constraint)

    def path(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def raw(self, name: str) -> Any:
        """Raises ValidationFailed if it is not there."""
        if self._members.get(name) is None:
            self.refuse(name, "Member must not be null")
        return self._members[name]

    def text(self, name: str, rule: Rule) -> str:
        value = self.raw(name)
        if not isinstance(value, str):
            self._mistyped(name, "a string")
        if constraint := rule.broken_by(value):
            self.refuse(name, constraint)
        return value

    def choice(self, name: str, values: tuple[str, ...]) -> str:
        value = self.raw(name)
        if value not in values:
            self.refuse(name, f"Member must satisfy enum value set: [{', '.join(values)}]")
        return str(value)

    def boolean(self, name: str, default: bool) -> bool:
        if name not in self:
            return default
        value = self.raw(name)
        if not isinstance(value, bool):
            self._mistyped(name, "true or false")
        return value

    def integer(self, name: str, least: int, most: int | None = None) -> int:
        value = self.raw(name)
        if isinstance(value, bool) or not isinstance(value, int):
            self._mistyped(name, "an integer")
        if value < least:
            self.refuse(name, f"Member must have value greater than or equal to {least}")
        if most is not None and value > most:
            self.refuse(name, f"Member must have value less than or equal to {most}")
        return value

    def number(self, name: str) -> float:
        value = self.raw(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._mistyped(name, "a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self.refuse(name, "Member must be a finite number")
        return number

    def timestamp(self, name: str) -> int:
        """Milliseconds. Rounded: 1752235548.123 * 1000 is not quite 1752235548123."""
        milliseconds = round(self.number(name) * 1000)
        if not 0 <= milliseconds <= LATEST_MS:
            self.refuse(name, "Member must be a time between 1970 and 9999, in seconds since 1970")
        return milliseconds

    def child(self, name: str) -> "Fields":
        value = self.raw(name)
        if not isinstance(value, dict):
            self._mistyped(name, "an object")
        return Fields(value, self.path(name))

    def child_or_none(self, name: str) -> "Fields | None":
        return self.child(name) if name in self else None

    def values(self, name: str, most: int, least: int = 0) -> list[Any]:
        value = self.raw(name)
        if not isinstance(value, list):
            self._mistyped(name, "a list")
        self._check_count(name, len(value), most, least)
        return value

    def texts(self, name: str, rule: Rule, most: int, least: int = 0) -> list[str]:
        texts = self.values(name, most, least)
        for position, each in enumerate(texts):
            path = f"{self.path(name)}.{position + 1}.member"
            if not isinstance(each, str):
                raise _mistyped(path, "a string")
            if constraint := rule.broken_by(each):
                raise violation(path, each, constraint)
        return texts

    def children(self, name: str, most: int, least: int = 0) -> "Iterator[Fields]":
        for position, each in enumerate(self.values(name, most, least)):
            path = f"{self.path(name)}.{position + 1}.member"
            if not isinstance(each, dict):
                raise _mistyped(path, "an object")
            yield Fields(each, path)

    def entries(self, name: str, most: int, key: Rule) -> "Iterator[tuple[str, Fields]]":
        """A map whose values are objects."""
        members = self.child(name)._members
        self._check_count(name, len(members), most, 0)
        for each, value in members.items():
            if constraint := key.broken_by(each):
                raise violation(f"{self.path(name)}.key", each, constraint)
            if not isinstance(value, dict):
                raise _mistyped(f"{self.path(name)}.{each}", "an object")
            yield each, Fields(value, f"{self.path(name)}.{each}.member")

    def one_of(self, *names: str) -> str:
        """The one member of a union. null is a value here: a document may be null."""
        given = [name for name in names if name in self._members]
        if len(given) > 1:
            given = [name for name in given if name in self]
        if len(given) != 1:
            raise violation(self._path, None, f"Member must have exactly one of {', '.join(names)}")
        return given[0]

    def document(self, name: str) -> Any:
        return self._members.get(name)

    def _check_count(self, name: str, count: int, most: int, least: int) -> None:
        if count < least:
            self.refuse(name, f"Member must have length greater than or equal to {least}")
        if count > most:
            self.refuse(name, f"Member must have length less than or equal to {most}")

    def _mistyped(self, name: str, wanted: str) -> NoReturn:
        raise _mistyped(self.path(name), wanted)


def violation(path: str, value: object, constraint: str) -> ValidationFailed:
    shown = isinstance(value, str | int | float) and len(str(value)) <= _SHOWN
    what = f"Value '{value}'" if shown else "Value"
    return ValidationFailed(
        f"1 validation error detected: {what} at '{path}' failed to satisfy constraint: "
        f"{constraint}",
        fields=((path, constraint),),
    )


def _mistyped(path: str, wanted: str) -> ValidationFailed:
    message = f"'{path}' must be {wanted}"
    return ValidationFailed(message, reason=CANNOT_PARSE, fields=((path, message),))


def _refuse_constant(name: str) -> NoReturn:
    # Python writes NaN; no other JSON parser reads it.
    raise ValueError(f"{name} is not JSON")
