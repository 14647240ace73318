"""The peer that lives in the engine's own process: FastAPI with model-hosting-container-standards.

There is no engine behind it: what it costs is its whole app with an answer of 200 bytes.
"""

import logging
import sys

import uvicorn
from fastapi import FastAPI, Request, Response
from model_hosting_container_standards import sagemaker

ANSWER = b'{"text": "' + b"x" * 188 + b'"}'
app = FastAPI()


@app.post("/invocations")
@sagemaker.stateful_session_manager()  # type: ignore[untyped-decorator]
async def invoke(request: Request) -> Response:
    await request.json()
    return Response(ANSWER, media_type="application/json")


if __name__ == "__main__":
    logging.disable()
    sagemaker.bootstrap(app)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="error")
