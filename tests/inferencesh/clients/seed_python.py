"""The sessions reference for Python, block by block in its order, against `base_url`.

What a block leaves open (the batch, what happens behind an expired session) is given by its
parameters. Prints one JSON object: what each block printed and returned.
"""

import asyncio
import contextlib
import io
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from inferencesh import async_inference, inference  # type: ignore[import-not-found]

BASE_URL = sys.argv[1]


def creating_a_session() -> Any:
    client = inference(api_key="inf_...", base_url=BASE_URL)

    # Start new session
    result = client.run({"app": "my-app", "input": {"action": "initialize"}, "session": "new"})

    session_id = result["session_id"]
    print(f"Session: {session_id}")
    return result


client = inference(api_key="inf_...", base_url=BASE_URL)


def using_an_existing_session(session_id: str) -> Any:
    # Continue in same session
    result = client.run(
        {
            "app": "my-app",
            "input": {"action": "process", "data": "..."},
            "session": session_id,
        }
    )
    return result


def session_timeout() -> Any:
    # 5-minute timeout
    result = client.run(
        {"app": "my-app", "input": {"action": "init"}, "session": "new", "session_timeout": 300}
    )
    return client.sessions.get(result["session_id"])


def model_loading(data_batch: list[str]) -> Any:
    # Initial load (slow)
    result = client.run(
        {
            "app": "ml-inference",
            "input": {"action": "load_model", "model": "large-model-v2"},
            "session": "new",
            "session_timeout": 600,
        }
    )
    session_id = result["session_id"]

    # Fast inference calls
    for item in data_batch:
        result = client.run(
            {
                "app": "ml-inference",
                "input": {"action": "predict", "data": item},
                "session": session_id,
            }
        )
        print(result["output"])
    return result["output"]


def browser_automation() -> Any:
    # Start browser session
    result = client.run(
        {
            "app": "browser-automation",
            "input": {"action": "start", "url": "https://example.com"},
            "session": "new",
            "session_timeout": 300,
        }
    )
    session_id = result["session_id"]

    # Navigate
    client.run(
        {
            "app": "browser-automation",
            "input": {"action": "click", "selector": "#login-btn"},
            "session": session_id,
        }
    )

    # Fill form
    client.run(
        {
            "app": "browser-automation",
            "input": {"action": "type", "selector": "#username", "text": "user@example.com"},
            "session": session_id,
        }
    )

    # Take screenshot
    result = client.run(
        {
            "app": "browser-automation",
            "input": {"action": "screenshot"},
            "session": session_id,
        }
    )
    return result["output"]


def stateful_conversations() -> Any:
    # Initialize chat context
    result = client.run(
        {
            "app": "chat-with-memory",
            "input": {"action": "init", "system": "You are a helpful assistant."},
            "session": "new",
            "session_timeout": 1800,  # 30 minutes
        }
    )
    session_id = result["session_id"]

    # Multi-turn conversation
    messages = [
        "What is quantum computing?",
        "Can you give me a simple example?",
        "How is it different from classical computing?",
    ]

    for msg in messages:
        result = client.run(
            {"app": "chat-with-memory", "input": {"message": msg}, "session": session_id}
        )
        print(f"Assistant: {result['output']['response']}")


def data_processing_pipeline() -> Any:
    # Load data once
    result = client.run(
        {
            "app": "data-processor",
            "input": {"action": "load", "dataset": "large_dataset.parquet"},
            "session": "new",
            "session_timeout": 900,
        }
    )
    session_id = result["session_id"]

    # Run multiple analyses
    analyses = ["summary", "correlations", "outliers", "trends"]

    for analysis in analyses:
        result = client.run(
            {
                "app": "data-processor",
                "input": {"action": "analyze", "type": analysis},
                "session": session_id,
            }
        )
        print(f"{analysis}: {result['output']}")
    return result["output"]


def check_session_status(session_id: str) -> Any:
    # Sessions are implicitly active when used
    # If session expired, you'll get an error
    try:
        client.run({"app": "my-app", "input": {"action": "check"}, "session": session_id})
    except Exception as e:
        if "session not found" in str(e).lower():
            print("Session expired, creating new one")
            # Create new session
        return str(e)


def explicit_session_close(session_id: str) -> Any:
    # Close session to free resources
    client.run({"app": "my-app", "input": {"action": "cleanup"}, "session": session_id})
    # Session will terminate after this call


class SessionManager:
    def __init__(self, client: Any, app: str, timeout: int = 300) -> None:
        self.client = client
        self.app = app
        self.timeout = timeout
        self.session_id: str | None = None

    def ensure_session(self) -> str | None:
        if self.session_id is None:
            result = self.client.run(
                {
                    "app": self.app,
                    "input": {"action": "init"},
                    "session": "new",
                    "session_timeout": self.timeout,
                }
            )
            self.session_id = result["session_id"]
        return self.session_id

    def run(self, input_data: Any) -> Any:
        try:
            return self.client.run(
                {"app": self.app, "input": input_data, "session": self.ensure_session()}
            )
        except Exception as e:
            if "session" in str(e).lower():
                # Session expired, create new one
                self.session_id = None
                return self.client.run(
                    {"app": self.app, "input": input_data, "session": self.ensure_session()}
                )
            raise


def session_recovery_pattern() -> Any:
    # Usage
    manager = SessionManager(client, "my-app", timeout=600)
    result = manager.run({"action": "process", "data": "..."})

    first = manager.session_id
    client.sessions.end(first)
    again = manager.run({"action": "process", "data": "..."})
    kept = manager.session_id
    try:
        manager.run({"status": 500, "text": "out of memory"})
    except RuntimeError as error:
        failure = str(error)
    return {
        "results": [result["output"]["before"], again["output"]["before"]],
        "sessions": [first, kept, manager.session_id],
        "failure": failure,
    }


async def session_workflow() -> Any:
    client = async_inference(api_key="inf_...", base_url=BASE_URL)

    # Create session
    result = await client.run(
        {
            "app": "my-app",
            "input": {"action": "init"},
            "session": "new",
            "session_timeout": 300,
        }
    )
    session_id = result["session_id"]

    # Run operations
    tasks = [
        client.run(
            {
                "app": "my-app",
                "input": {"action": "process", "id": i},
                "session": session_id,
            }
        )
        for i in range(10)
    ]

    # Note: These run sequentially on the same worker
    results = []
    for task in tasks:
        results.append(await task)

    return results


def async_sessions() -> Any:
    return asyncio.run(session_workflow())


def main() -> None:
    told: dict[str, Any] = {}

    def run(block: Callable[..., Any], *given: Any) -> Any:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            returned = block(*given)
        lines = printed.getvalue().splitlines()
        told[block.__name__] = {"printed": lines, "returned": returned}
        return returned

    session_id = run(creating_a_session)["session_id"]
    run(using_an_existing_session, session_id)
    run(session_timeout)
    run(model_loading, ["a", "b", "c"])
    run(browser_automation)
    run(stateful_conversations)
    run(data_processing_pipeline)
    brief = client.run({"app": "my-app", "input": {}, "session": "new", "session_timeout": 1})
    time.sleep(1.5)
    run(check_session_status, brief["session_id"])
    run(explicit_session_close, session_id)
    told["closed"] = check_session_status(session_id)
    run(session_recovery_pattern)
    run(async_sessions)
    print(json.dumps(told))


main()
