"""The document's conversation with a real model, which is told where to stop."""

import json
import sys

from inferencesh import inference  # type: ignore[import-not-found]

client = inference(api_key="inf_...", base_url=sys.argv[1])
result = client.run(
    {
        "app": "chat-with-memory",
        "input": {"action": "init", "system": "You are a helpful assistant."},
        "session": "new",
        "session_timeout": 1800,
    }
)
session_id = result["session_id"]
said = []
for msg in ("What is quantum computing?", "A simple example?", "How is it different?"):
    result = client.run(
        {
            "app": "chat-with-memory",
            "input": {"message": msg, "max_tokens": 8},
            "session": session_id,
        }
    )
    said.append(result["output"]["response"])
print(json.dumps(said))
