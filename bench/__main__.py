"""The sidecar beside the proxies that one would pick instead, measured in one run.

    python -m bench [--short] [--write] [--profile]

Nothing fails on a figure; a contender that is missing or answers wrongly is named and left out.
"""

import argparse
import shutil
import signal
import sys
from types import FrameType

from bench.extent import LONG, SHORT, Extent
from bench.figures import Figures
from bench.profile import profile
from bench.report import report, write
from bench.run import measure, say
from bench.stage import Stage, stage


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="fewer rounds, in two minutes")
    parser.add_argument("--write", action="store_true", help="into bench/RESULTS.md and README.md")
    parser.add_argument("--profile", action="store_true", help="where the time goes, and no more")
    options = parser.parse_args()
    if lacking := [one for one in ("wrk", "gcc", "taskset") if shutil.which(one) is None]:
        print(f"needs {', '.join(lacking)} (Debian packages wrk, gcc, util-linux)", file=sys.stderr)
        return 2
    # Whoever ends this run ends what it has started.
    signal.signal(signal.SIGTERM, _leave)
    with stage() as here:
        if options.profile:
            print(profile(here))
            return 0
        text = whole_run(here, SHORT if options.short else LONG)
    print(text)
    if options.write:
        write(text)
    return 0


def whole_run(here: Stage, extent: Extent) -> str:
    figures = Figures()
    measure(here, figures, extent)
    shown = ""
    if extent is LONG:
        say("profile")
        shown = profile(here)
    say("done")
    return report(figures, extent, here.left_out, shown)


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
