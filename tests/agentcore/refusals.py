"""Reading what boto3 raises."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

Caught = pytest.ExceptionInfo[ClientError]


def code(caught: Caught) -> tuple[str, int]:
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def message(caught: Caught) -> str:
    return str(caught.value.response["Error"]["Message"])


def fields(caught: Caught) -> list[str]:
    """The members that a ValidationException names."""
    response: Any = caught.value.response
    return [each["name"] for each in response["fieldList"]]
