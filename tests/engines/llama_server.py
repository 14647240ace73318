"""llama.cpp's HTTP server on a free port, which it prints; ends with the process.

Runs in the environment of llama.cpp (install.py): `python -m tests.engines.llama_server MODEL`.
"""

import signal
import sys
from pathlib import Path

import xllamacpp  # type: ignore[import-not-found]

from tests.engines.tiny_model import CONTEXT, write_tiny_model

SLOTS = 4


def main() -> None:
    model = Path(sys.argv[1])
    write_tiny_model(model)
    server = xllamacpp.Server(_settings(model))
    print(f"listening on {server.listening_address}", flush=True)
    signal.pause()


def _settings(model: Path) -> xllamacpp.CommonParams:
    settings = xllamacpp.CommonParams()
    settings.model.path = str(model)
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    settings.n_parallel = SLOTS
    settings.n_ctx = SLOTS * CONTEXT
    settings.ctx_shift = True  # an answer may then be endless
    settings.cpuparams.n_threads = 1
    settings.warmup = False
    settings.endpoint_slots = True
    settings.slot_save_path = f"{model.parent}/"  # without it no slot can be erased either
    settings.endpoint_metrics = True
    return settings


if __name__ == "__main__":
    main()
