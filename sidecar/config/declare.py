"""How a setting is declared: its type with its parser, its default as text, its meaning."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field, PlainValidator

from sidecar.config import names, values


def parsed(parse: Callable[[str], Any]) -> PlainValidator:
    def validated(text: str) -> Any:
        if not text.isprintable():  # must not reach a header, a log or a terminal
            raise ValueError("holds a control character or is not UTF-8; write it anew")
        return parse(text)

    return PlainValidator(validated)


Text = Annotated[str, parsed(str)]
Switch = Annotated[bool, parsed(values.switch)]
Host = Annotated[str, parsed(names.host)]
Port = Annotated[int, parsed(values.port)]
Limit = Annotated[int | None, parsed(values.count)]
Size = Annotated[int, parsed(values.size())]
Seconds = Annotated[float, parsed(values.duration())]
# A wait of nothing would refuse everything; a millisecond at least is some time.
Wait = Annotated[float, parsed(values.duration(at_least=0.001))]


def setting(default: str | None, meaning: str) -> Any:
    if default is None:
        return Field(None, description=meaning)
    return Field(default, description=meaning, validate_default=True)
