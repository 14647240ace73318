"""Which memories there are: those that were declared, or, if none were, any that is named.

There is no control plane, so a memory is its id and how long its events are kept.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sidecar.dialects.agentcore.errors import ResourceNotFound
from sidecar.dialects.agentcore.memory.rules import Rules

_ARN: Final = re.compile(r"arn:[^/]*:memory/(.+)")
# AWS takes the region and the account from where a memory was made; this one was made here.
_ARN_HERE: Final = "arn:aws:bedrock-agentcore:local:000000000000:memory/"


@dataclass(frozen=True, slots=True)
class Memory:
    id: str
    expiry_days: int

    @property
    def keep(self) -> float:
        """Seconds."""
        return self.expiry_days * 86_400.0

    def details(self) -> dict[str, Any]:
        """When it was made is not known; the clients want a time."""
        return {
            **self.summary(),
            "name": self.id,
            "eventExpiryDuration": self.expiry_days,
            "strategies": [],
        }

    def summary(self) -> dict[str, Any]:
        return {
            "arn": _ARN_HERE + self.id,
            "id": self.id,
            "status": "ACTIVE",
            "createdAt": 0,
            "updatedAt": 0,
        }


class Memories:
    """`declared`: days by id. With none, `expiry_days` is for whatever is named."""

    def __init__(self, declared: Mapping[str, int], expiry_days: int, rules: Rules) -> None:
        self.declared = [Memory(each, days) for each, days in sorted(declared.items())]
        self._by_id = {memory.id: memory for memory in self.declared}
        self._expiry_days = expiry_days
        self._rules = rules

    def named(self, memory_id: str) -> Memory:
        """`memory_id` is an id or an ARN, as a client sent it."""
        self._rules.check_memory(memory_id)
        arn = _ARN.fullmatch(memory_id)
        return self._find(arn[1] if arn else memory_id, memory_id)

    def _find(self, bare: str, shown: str) -> Memory:
        if not self._by_id:
            return Memory(bare, self._expiry_days)
        if bare not in self._by_id:
            raise ResourceNotFound(f"Memory not found: {shown}")
        return self._by_id[bare]
