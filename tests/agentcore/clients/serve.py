"""Serves the `app` of an agent's program on a free port, and prints which; as `app.run()` would.

python -m tests.agentcore.clients.serve tests/agentcore/clients/agent.py
"""

# mypy: ignore-errors
# Its packages are not among those of the checker.
import os
import runpy
import site
import socket
import sys

import uvicorn

if __name__ == "__main__":
    if "SITE" in os.environ:
        site.addsitedir(os.environ["SITE"])
    application = runpy.run_path(sys.argv[1], run_name="agent")["app"]
    listener = socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "0"))))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(application, log_level="critical", ws="websockets-sansio")
    uvicorn.Server(config).run(sockets=[listener])
