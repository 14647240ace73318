"""What names may look like: loosely by default, as the service itself has it when strict.

The patterns and lengths are those of botocore's service model. Users' own ids often break them
(`your-memory-id`, an e-mail address as the actor, a runtime session id of 256 characters as the
session), and nothing here depends on them.
"""

from dataclasses import dataclass
from typing import Final

from sidecar.dialects.agentcore.errors import ValidationFailed
from sidecar.dialects.agentcore.fields import Rule, violation

_ANY = r"[^\x00-\x1f\x7f]+"
ARN_PREFIX: Final = r"arn:(?:aws|aws-cn|aws-us-gov):bedrock-agentcore:[a-z0-9-]+:[0-9]{12}:memory/"
_WORD = "[a-zA-Z0-9][a-zA-Z0-9-_]*"

BRANCH: Final = Rule(1, 100, _WORD)
EVENT_ID: Final = Rule(1, 100, "[0-9]+#[a-fA-F0-9]+")
METADATA_KEY: Final = Rule(1, 128, r"[a-zA-Z0-9\s._:/=+@-]*")
METADATA_VALUE: Final = Rule(0, 256, r"[a-zA-Z0-9\s._:/=+@-]*")
NAMESPACE: Final = Rule(1, 1024, "[a-zA-Z0-9/*][a-zA-Z0-9-_/*]*(:[a-zA-Z0-9-_/*]+)*")
STRATEGY: Final = Rule(1, 100, _WORD)
REQUEST_IDENTIFIER: Final = Rule(1, 80, "[a-zA-Z0-9_-]+")
CLIENT_TOKEN: Final = Rule(1, 1024)


@dataclass(frozen=True, slots=True)
class Rules:
    memory: Rule
    actor: Rule
    session: Rule
    record: Rule

    def check_memory(self, memory_id: str) -> None:
        if self.memory.broken_by(memory_id):
            message = "Invalid memoryId: not a valid memory ID or ARN"
            raise ValidationFailed(message, fields=(("memoryId", message),))

    def check(self, actor: str | None, session: str | None, event_id: str | None = None) -> None:
        for name, value, rule in (
            ("actorId", actor, self.actor),
            ("sessionId", session, self.session),
            ("eventId", event_id, EVENT_ID),
        ):
            if value is not None and (constraint := rule.broken_by(value)):
                raise violation(name, value, constraint)


LENIENT: Final = Rules(
    memory=Rule(1, 256, _ANY),
    actor=Rule(1, 255, _ANY),
    session=Rule(1, 256, _ANY),
    record=Rule(1, 100, _ANY),
)
STRICT: Final = Rules(
    memory=Rule(12, 256, rf"(?:{ARN_PREFIX})?[a-zA-Z][a-zA-Z0-9-_]{{0,99}}-[a-zA-Z0-9]{{10}}"),
    actor=Rule(1, 255, "[a-zA-Z0-9][a-zA-Z0-9-_/]*(?::[a-zA-Z0-9-_/]+)*[a-zA-Z0-9-_/]*"),
    session=Rule(1, 100, _WORD),
    record=Rule(40, 50, "mem-[a-zA-Z0-9-_]*"),
)
