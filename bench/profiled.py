"""The sidecar under cProfile: profiled.py FILE serve; SIGUSR1 begins, SIGUSR2 writes the file."""

import cProfile
import os
import signal
import sys
from types import FrameType

from sidecar.cli import main


def run(file: str, arguments: list[str]) -> int:
    profile = cProfile.Profile()

    def begin(number: int, frame: FrameType | None) -> None:
        profile.enable()

    def finish(number: int, frame: FrameType | None) -> None:
        profile.disable()
        profile.dump_stats(f"{file}.part")
        os.replace(f"{file}.part", file)

    signal.signal(signal.SIGUSR1, begin)
    signal.signal(signal.SIGUSR2, finish)
    return main(arguments)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], sys.argv[2:]))
