"""Counts its visitors by the session header, which is all it knows of them. Runs inside Triton."""

import json
from collections import Counter
from typing import Any

import numpy as np  # type: ignore[import-not-found]
import triton_python_backend_utils as pb_utils  # type: ignore[import-not-found]

SESSION_HEADER = "x-amzn-sagemaker-session-id"


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        self._visits: Counter[str | None] = Counter()

    def execute(self, requests: list[Any]) -> list[Any]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        text = pb_utils.get_input_tensor_by_name(request, "TEXT").as_numpy()
        parameters = request.parameters()
        headers = {name.lower(): value for name, value in json.loads(parameters).items()}
        session = headers.get(SESSION_HEADER)
        self._visits[session] += 1
        return pb_utils.InferenceResponse(
            output_tensors=[
                pb_utils.Tensor("TEXT", text),
                pb_utils.Tensor("PARAMETERS", np.array([parameters], dtype=np.object_)),
                pb_utils.Tensor("VISIT", np.array([self._visits[session]], dtype=np.int32)),
                pb_utils.Tensor("RUN", np.array([self._visits.total()], dtype=np.int32)),
            ]
        )
