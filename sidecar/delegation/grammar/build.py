"""From a preset's JSON to a `Preset`: which keys there are, and what each may say."""

from collections.abc import Callable
from typing import Any, cast

from sidecar.delegation.grammar.calls import close_call, create_call
from sidecar.delegation.grammar.condition import conditions
from sidecar.delegation.grammar.expression import Expression
from sidecar.delegation.grammar.place import Place, Strip, in_body
from sidecar.delegation.grammar.preset import (
    Carry,
    Close,
    Create,
    Generator,
    IdRule,
    Kind,
    Order,
    Preset,
    Setting,
)
from sidecar.delegation.grammar.reading import Section, choice, count, of, one_or_more, shown
from sidecar.delegation.grammar.template import Scope, compile_path, names_in
from sidecar.delegation.grammar.templates import Defaults, compiled
from sidecar.delegation.grammar.variables import Note

_GENERATORS = ("uuid4", "hex32", "public_hex", "uint64", "pool")
_ORDERS = ("parallel", "serialize", "reject")
_SESSION_HEADER = 'headers."X-Amzn-SageMaker-Session-Id"'
# A pool is one engine's slots; more are looked at one by one with each new session.
_POOL_MOST = 65_536


def build(name: str, tree: dict[str, Any], note: Note, defaults: Defaults) -> Preset:
    """What is wrong is noted, and the result is then of no use."""
    top = Section(tree, (), note)
    create_section, close_section = top.section("create"), top.section("close")
    rule = _id_rule(top.section("id") or Section({}, ("id",), note))
    create = create_call(create_section, defaults.create, note) if create_section else None
    close = close_call(close_section, defaults.close, note) if close_section else None
    request = _Request(top.section("request") or Section({}, ("request",), note), note)
    carry = tuple(_carries(top, note))
    preset = Preset(
        name=name,
        description=top.read("description", of(str)) or "",
        id=rule,
        create=create,
        close=close,
        path=request.path,
        upstream_path=request.fixed_path,
        set=request.set,
        set_first=request.set_first,
        strip=tuple(top.read("strip", _strips) or ()),
        carry=carry,
        unknown=conditions(top.raw("unknown_session"), ("unknown_session",), note),
        capacity=conditions(top.raw("capacity"), ("capacity",), note),
        concurrency=request.order or ("serialize" if carry or request.set_first else "parallel"),
    )
    _check(top, preset, tree, defaults)
    top.finish()
    return preset


def _id_rule(section: Section) -> IdRule:
    generate, size = section.read("generate", _generator) or (None, None)
    size = section.read("size", count(_POOL_MOST)) or size
    kind = section.read("type", choice("string", "number"))
    if generate == "pool" and size is None:
        section.wrong("needs the number of the engine's slots", "size")
    if generate != "pool" and size is not None:
        section.wrong("is for a pool only; remove it", "size")
    rule = IdRule(
        generate=generate,
        kind=cast("Kind | None", kind),
        size=size or 0,
        max_length=section.read("max_length", count(1024)) or 1024,
        is_public=section.read("public", choice("sidecar", "engine")) == "engine",
    )
    if rule.is_public and generate == "pool":
        section.wrong("would let clients guess each other's ids: slots are 0, 1, 2", "public")
    if rule.kind == "number" and generate in ("uuid4", "hex32", "public_hex"):
        section.wrong(f"{generate} is no number; write string or remove it", "type")
    section.finish()
    return rule


def _generator(value: Any) -> tuple[Generator, int | None]:
    """`pool:8` is a pool and its size."""
    word, colon, size = str(value).partition(":")
    if word == "pool" and colon:
        if not size.isdecimal():
            raise ValueError(f"{shown(value)} has no number behind pool:")
        return "pool", count(_POOL_MOST)(int(size))
    return cast(Generator, choice(*_GENERATORS)(value)), None


class _Request:
    def __init__(self, section: Section, note: Note) -> None:
        self._section = section
        self._note = note
        path = section.raw("path")
        self.path = section.read("path", _plain_path)
        is_fixed = self.path is not None and not names_in(path)
        self.fixed_path = path if is_fixed else None
        self.order = cast("Order | None", section.read("concurrency", choice(*_ORDERS)))
        self.set = (*self._settings("set"), *self._shaped())
        self.set_first = tuple(self._settings("set_first"))
        section.finish()

    def _settings(self, key: str) -> list[Setting]:
        found: list[Setting] = []
        for text, value in self._section.members(key):
            self._add(found, text, value, key)
        return found

    def _shaped(self) -> list[Setting]:
        """What MHCS's names for the same say."""
        found: list[Setting] = []
        key = "engine_request_session_id_path"
        if (text := self._section.read(key, of(str))) is not None:
            self._add(found, f"body.{text.removeprefix('body.')}", "${engine_id}", key)
        for text, source in self._section.members("request_shape"):
            try:
                expression = Expression(source, None)
                self._add(found, str(in_body(text)), expression, "request_shape")
            except ValueError as error:
                self._section.wrong(str(error), "request_shape", text)
        return found

    def _add(self, found: list[Setting], text: str, value: Any, key: str) -> None:
        path = (*self._section.path, key, text)
        try:
            place = Place.of(text)
        except ValueError as error:
            self._note(path, str(error))
            return
        found.append(Setting(place, compiled(value, path, self._note)))


def _plain_path(value: Any) -> Callable[[Scope], str]:
    if "?" in of(str)(value):
        raise ValueError(f"{shown(value)} has a query; put it into set, as query.name")
    return compile_path(value)


def _strips(value: Any) -> list[Strip]:
    return [Strip.of(each) for each in one_or_more(value)]


def _carries(top: Section, note: Note) -> list[Carry]:
    found = []
    for number, each in enumerate(top.read("carry", of(list)) or ()):
        section = Section(each, ("carry", str(number)), note)
        pick, to = section.read("from", Expression), section.read("to", Place.of)
        for name in ("from", "to"):
            if not section.has(name):
                section.wrong("is missing", name)
        section.finish()
        if pick is not None and to is not None:
            found.append(Carry(pick, to))
    return found


def _check(top: Section, preset: Preset, tree: dict[str, Any], defaults: Defaults) -> None:
    """What is right part by part and wrong together."""
    if preset.concurrency == "parallel" and (preset.carry or preset.set_first):
        top.wrong(
            "carry and set_first need one request after the other; write serialize or reject",
            "request",
            "concurrency",
        )
    if defaults.create and preset.create is None:
        top.wrong("there is no create call that the given defaults could go into", "create")
    if defaults.close and preset.close is None:
        top.wrong("there is no close call that the given defaults could go into", "close")
    _check_ids(top, preset.id, preset.create, preset.close, tree)


def _check_ids(
    top: Section, rule: IdRule, create: Create | None, close: Close | None, tree: dict[str, Any]
) -> None:
    if create is None or create.id is None or rule.generate is not None:
        return
    asked = {key: value for key, value in (tree.get("create") or {}).items() if key != "id"}
    if "engine_id" in names_in(
        {k: v for k, v in asked.items() if k in ("path", "headers", "body")}
    ):
        top.wrong("engine_id is what this call's reply is to bring; use session_id", "create")
