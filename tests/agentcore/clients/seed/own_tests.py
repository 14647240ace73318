"""The page's tests of its first agent: they call it directly, with a context of their own."""

# mypy: ignore-errors
# ruff: noqa
import json
from types import SimpleNamespace

import agentcore_names  # as its .pth file does
from tests.agentcore.clients.seed.basic import chat_handler

MockContext = SimpleNamespace


def test_session_persistence():
    """Test that session maintains state."""
    session_id = "test-session-001"

    # First message
    response1 = chat_handler({"message": "Hello"}, MockContext(session_id=session_id))
    assert response1["message_count"] == 1

    # Second message (same session)
    response2 = chat_handler({"message": "World"}, MockContext(session_id=session_id))
    assert response2["message_count"] == 2


def test_session_isolation():
    """Test that sessions are isolated."""
    response1 = chat_handler({"message": "Hello"}, MockContext(session_id="session-a"))

    response2 = chat_handler({"message": "Hello"}, MockContext(session_id="session-b"))

    # Each session has count of 1
    assert response1["message_count"] == 1
    assert response2["message_count"] == 1


if __name__ == "__main__":
    test_session_persistence()
    test_session_isolation()
    print(json.dumps({"scenario": "the page's own tests", "fault": None}))
