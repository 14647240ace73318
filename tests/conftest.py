"""No test is skipped unnoticed: under CI a skip is a failure, elsewhere one loud line names the
Debian packages that were missing.
"""

import os
import re
import signal
from collections.abc import Generator

import pytest
from hypothesis import settings

# No test fails on a timing.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# A shell without job control starts what is in the background with SIGINT ignored, which every
# program that a test starts would inherit (POSIX, Shell Command Language, section 2.11).
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_PACKAGE = re.compile(r"needs the Debian package ([a-z0-9][a-z0-9+.-]*)")


def _in_ci() -> bool:
    return bool(os.environ.get("CI"))


def _fail_a_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if _in_ci() and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"CI skips nothing: {_reason(report)}"


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return report.longreprtext


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_a_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_a_skip(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = [_reason(report) for report in terminalreporter.getreports("skipped")]
    packages = sorted({name for reason in reasons for name in _PACKAGE.findall(reason)})
    if packages:
        terminalreporter.write_line(
            f"TESTS WERE SKIPPED: install the Debian packages {' '.join(packages)}", yellow=True
        )
