"""Adds up the numbers of each sequence. Runs inside Triton."""

from typing import Any

import numpy as np  # type: ignore[import-not-found]
import triton_python_backend_utils as pb_utils  # type: ignore[import-not-found]


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        self._sums: dict[str, int] = {}

    def execute(self, requests: list[Any]) -> list[Any]:
        return [self._add(request) for request in requests]

    def _add(self, request: Any) -> Any:
        # A batch has a place for every live sequence; one without news comes as not ready.
        total = self._advance(request) if _number(request, "READY") else 0
        answer = np.array([[total]], dtype=np.int32)
        return pb_utils.InferenceResponse(output_tensors=[pb_utils.Tensor("SUM", answer)])

    def _advance(self, request: Any) -> int:
        sequence = str(request.correlation_id())
        before = 0 if _number(request, "START") else self._sums[sequence]
        total = self._sums[sequence] = before + _number(request, "NUMBER")
        if _number(request, "END"):
            del self._sums[sequence]
        return total


def _number(request: Any, name: str) -> int:
    return int(pb_utils.get_input_tensor_by_name(request, name).as_numpy().flat[0])
