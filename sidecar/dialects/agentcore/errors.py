"""What the AgentCore API refuses, by the names that botocore's service model has for it."""

from typing import Final

from sidecar.errors import SidecarError

CANNOT_PARSE: Final = "CannotParse"
FIELD_INVALID: Final = "FieldValidationFailed"


class ValidationFailed(SidecarError):
    """`fields` are pairs of a member's name and what is wrong with it."""

    status = 400
    kind = "ValidationException"

    def __init__(
        self,
        message: str,
        *,
        reason: str = FIELD_INVALID,
        fields: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.fields = fields


class QuotaExceeded(SidecarError):
    status = 402
    kind = "ServiceQuotaExceededException"


class ResourceNotFound(SidecarError):
    status = 404
    kind = "ResourceNotFoundException"


class UnknownOperation(SidecarError):
    status = 404
    kind = "UnknownOperationException"


class RetryableConflict(SidecarError):
    """The SDKs send the request again at once, without being told to."""

    status = 409
    kind = "RetryableConflictException"


class Unsupported(SidecarError):
    """501: botocore 1.44 and the JavaScript SDK retry 500, 502, 503 and 504, but not this one."""

    status = 501
    kind = "UnsupportedOperationException"
