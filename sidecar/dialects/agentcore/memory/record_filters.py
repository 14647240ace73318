"""Which records ListMemoryRecords is asked for: by namespace, strategy and metadata."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from sidecar.dialects.agentcore.errors import ValidationFailed
from sidecar.dialects.agentcore.fields import Fields
from sidecar.dialects.agentcore.memory.record import Record, metadata_value
from sidecar.dialects.agentcore.memory.rules import METADATA_KEY, NAMESPACE, STRATEGY

_EXPRESSIONS: Final = 5
_ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "BEFORE": lambda left, right: left < right,
    "AFTER": lambda left, right: left > right,
    "GREATER_THAN": lambda left, right: left > right,
    "GREATER_THAN_OR_EQUALS": lambda left, right: left >= right,
    "LESS_THAN": lambda left, right: left < right,
    "LESS_THAN_OR_EQUALS": lambda left, right: left <= right,
}
_OPERATORS: Final = ("EQUALS_TO", "EXISTS", "NOT_EXISTS", "CONTAINS", *_ORDERS)
_COMPARED: Final = {"BEFORE": "dateTimeValue", "AFTER": "dateTimeValue"}


class Expression(NamedTuple):
    key: str
    operator: str
    value: Any = None
    """A union, as metadata has them."""

    def holds(self, metadata: Mapping[str, Mapping[str, Any]]) -> bool:
        found = metadata.get(self.key)
        if self.operator in ("EXISTS", "NOT_EXISTS"):
            return (found is not None) is (self.operator == "EXISTS")
        if found is None:
            return False
        if self.operator == "EQUALS_TO":
            return bool(found == self.value)
        if self.operator == "CONTAINS":
            return _contains(found, self.value)
        return self._compares(found)

    def _compares(self, found: Mapping[str, Any]) -> bool:
        kind = _COMPARED.get(self.operator, "numberValue")
        if kind not in found or kind not in self.value:
            return False
        return _ORDERS[self.operator](found[kind], self.value[kind])


class RecordFilter(NamedTuple):
    namespace: str | None = None
    path: str | None = None
    strategy: str | None = None
    expressions: tuple[Expression, ...] = ()

    def wants(self, record: Record) -> bool:
        if self.strategy is not None and record["memoryStrategyId"] != self.strategy:
            return False
        if not any(self._is_inside(namespace) for namespace in record["namespaces"]):
            return False
        return all(each.holds(record.get("metadata", {})) for each in self.expressions)

    def _is_inside(self, namespace: str) -> bool:
        if self.path is None:
            return namespace == self.namespace
        parent = self.path.rstrip("/")
        return namespace.rstrip("/") == parent or namespace.startswith(f"{parent}/")


def parse(fields: Fields) -> RecordFilter:
    if ("namespace" in fields) == ("namespacePath" in fields):
        message = "give one of namespace and namespacePath"
        raise ValidationFailed(message, fields=(("namespace", message),))
    expressions: tuple[Expression, ...] = ()
    if "metadataFilters" in fields:
        children = fields.children("metadataFilters", _EXPRESSIONS, 1)
        expressions = tuple(_expression(each) for each in children)
    return RecordFilter(
        fields.text("namespace", NAMESPACE) if "namespace" in fields else None,
        fields.text("namespacePath", NAMESPACE) if "namespacePath" in fields else None,
        fields.text("memoryStrategyId", STRATEGY) if "memoryStrategyId" in fields else None,
        expressions,
    )


def _expression(fields: Fields) -> Expression:
    key = fields.child("left").text("metadataKey", METADATA_KEY)
    operator = fields.choice("operator", _OPERATORS)
    if operator in ("EXISTS", "NOT_EXISTS"):
        return Expression(key, operator)
    return Expression(key, operator, metadata_value(fields.child("right").child("metadataValue")))


def _contains(found: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    wanted = value.get("stringValue")
    if wanted is None:
        return False
    if "stringListValue" in found:
        return wanted in found["stringListValue"]
    return wanted in found.get("stringValue", "")
