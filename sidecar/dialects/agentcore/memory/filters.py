"""Which events ListEvents is asked for: by branch and by metadata, both to be met."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from sidecar.dialects.agentcore.fields import Fields
from sidecar.dialects.agentcore.memory.event import MAIN, Branch, Event
from sidecar.dialects.agentcore.memory.rules import BRANCH, METADATA_KEY, METADATA_VALUE

_EXPRESSIONS: Final = 5
_OPERATORS: Final = ("EQUALS_TO", "EXISTS", "NOT_EXISTS")

Wanted = Callable[[Event], bool]


class Expression(NamedTuple):
    key: str
    operator: str
    value: str = ""

    def holds(self, metadata: Mapping[str, str]) -> bool:
        if self.operator == "EQUALS_TO":
            return metadata.get(self.key) == self.value
        return (self.key in metadata) is (self.operator == "EXISTS")


class Filter(NamedTuple):
    branch: str | None = None
    with_parents: bool = False
    expressions: tuple[Expression, ...] = ()

    def wanted(self, branches: Mapping[str, Branch]) -> Wanted:
        """`branches`: all that the session has, by name."""
        limits = self._limits(branches)

        def is_wanted(event: Event) -> bool:
            if limits is not None and not _is_within(event, limits):
                return False
            return all(each.holds(event.metadata) for each in self.expressions)

        return is_wanted

    def _limits(self, branches: Mapping[str, Branch]) -> dict[str, str | None] | None:
        if self.branch is None:
            return None
        if not self.with_parents:
            return {self.branch: None}
        return lineage(self.branch, branches)


def parse(fields: Fields) -> Filter:
    given = fields.child_or_none("filter")
    if given is None:
        return Filter()
    expressions: tuple[Expression, ...] = ()
    if "eventMetadata" in given:
        children = given.children("eventMetadata", _EXPRESSIONS, 1)
        expressions = tuple(_expression(each) for each in children)
    branch = given.child_or_none("branch")
    if branch is None:
        return Filter(expressions=expressions)
    with_parents = branch.boolean("includeParentBranches", False)
    return Filter(branch.text("name", BRANCH), with_parents, expressions)


def lineage(name: str, branches: Mapping[str, Branch]) -> dict[str, str | None]:
    """A branch and its ancestors, each with the last event of it that counts; None: all of it.

    Of an ancestor, what came after the fork is another course of the conversation.
    """
    limits: dict[str, str | None] = {name: None}
    branch = branches.get(name)
    while branch is not None and branch.root is not None:
        parent = branch.parent or MAIN
        if parent in limits:
            break
        limits[parent] = branch.root
        branch = branches.get(parent)
    return limits


def _is_within(event: Event, limits: Mapping[str, str | None]) -> bool:
    if event.branch.name not in limits:
        return False
    last = limits[event.branch.name]
    return last is None or event.id <= last


def _expression(fields: Fields) -> Expression:
    key = fields.child("left").text("metadataKey", METADATA_KEY)
    operator = fields.choice("operator", _OPERATORS)
    if operator != "EQUALS_TO":
        return Expression(key, operator)
    value = fields.child("right").child("metadataValue").text("stringValue", METADATA_VALUE)
    return Expression(key, operator, value)
