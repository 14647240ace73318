"""Compares what became of a case with what may become of it; a pure function of both."""

from collections.abc import Sequence

from tests.harness.recording_engine import Record
from tests.harness.strict_http import Fields
from tests.wire.malformed.case import Expect, Forward
from tests.wire.malformed.run import Outcome


def judge(outcome: Outcome, records: Sequence[Record]) -> list[str]:
    """What is wrong, in words. `records` are those that carry the run's token."""
    innocent = outcome.of(b"/innocent/@@")
    requests = [record for record in records if record.target != innocent]
    follows = [record for record in records if record.target == innocent]
    return [
        *outcome.problems,
        *_smuggled(records),
        *_follow_up(outcome, follows),
        *_result(outcome, requests),
    ]


def _smuggled(records: Sequence[Record]) -> list[str]:
    problems = [f"two readings: {fault}" for record in records for fault in record.faults]
    problems += [
        f"smuggled: {record.message.start!r}"
        for record in records
        if record.target.startswith(b"/smuggled/")
    ]
    return problems


def _follow_up(outcome: Outcome, follows: Sequence[Record]) -> list[str]:
    problems = []
    if any(answer.status == 500 for answer in outcome.answers):
        problems.append("500")
    if len(follows) > 1:
        problems.append("the innocent request came twice")
    if any(
        record.method != b"GET" or record.size or record.fields != [(b"Host", b"t")]
        for record in follows
    ):
        problems.append(f"the innocent request was changed: {follows[0].message.head!r}")
    if follows and not outcome.followed:
        problems.append("the innocent request was forwarded and not answered")
    if not outcome.followed and outcome.case.follow and outcome.ending is None:
        problems.append("the connection stays open and the follow-up has no answer")
    return problems


def _result(outcome: Outcome, requests: Sequence[Record]) -> list[str]:
    expect = outcome.case.expect
    answers = outcome.answers[:-1] if outcome.followed else outcome.answers
    complete = [record for record in requests if record.complete]
    if len(requests) > 1 or len(answers) > 1:
        return [f"{len(requests)} requests forwarded, answers {[a.status for a in answers]}"]
    if complete:
        return _forwarded(outcome, expect, complete[0], [answer.status for answer in answers])
    if answers:
        status = answers[0].status
        if status not in expect.statuses:
            return [f"refused with {status}, expected {_words(expect)}: {answers[0].body!r}"]
        return []
    if expect.closed or expect.waits:
        return []
    return [f"closed without an answer, expected {_words(expect)}"]


def _forwarded(outcome: Outcome, expect: Expect, record: Record, statuses: list[int]) -> list[str]:
    forward = expect.forward
    if forward is None:
        return [f"forwarded as {record.message.head!r}, expected {_words(expect)}"]
    problems = [] if statuses == [200] else [f"forwarded, but the client got {statuses}"]
    method, target = _sent_line(outcome)
    targets = [outcome.of(one) for one in forward.targets] or [target]
    if method and (record.method != method or record.target not in targets):
        problems.append(f"sent {method!r} {target!r}, arrived {record.message.start!r}")
    if bytes(record.body) != outcome.of(forward.body):
        problems.append(f"body {bytes(record.body)!r}")
    if not forward.loosely:
        problems += _changed(_sent_fields(outcome, forward), _arrived_fields(record, forward))
    return problems


def _changed(sent: Fields, arrived: Fields) -> list[str]:
    if sent == arrived:
        return []
    missing = [line for line in sent if line not in arrived]
    new = [line for line in arrived if line not in sent]
    return [f"headers changed: missing {missing}, new {new}" if missing or new else "reordered"]


def _sent_line(outcome: Outcome) -> tuple[bytes, bytes]:
    parts = outcome.of(outcome.case.raw).lstrip(b"\r\n").partition(b"\r\n")[0].split()
    return (parts[0], parts[1]) if len(parts) == 3 else (b"", b"")


def _sent_fields(outcome: Outcome, forward: Forward) -> Fields:
    head = outcome.of(outcome.case.raw).lstrip(b"\r\n").partition(b"\r\n\r\n")[0]
    pairs = (line.partition(b":")[::2] for line in head.split(b"\r\n")[1:])
    return [
        (name, value.strip(b" \t"))
        for name, value in pairs
        if name.lower() not in (*forward.dropped, b"connection")
    ]


def _arrived_fields(record: Record, forward: Forward) -> Fields:
    return [(name, value) for name, value in record.fields if name.lower() not in forward.added]


def _words(expect: Expect) -> str:
    words = [str(status) for status in sorted(expect.statuses)]
    words += ["closed"] if expect.closed else []
    words += ["silence"] if expect.waits else []
    words += ["forwarded"] if expect.forward is not None else []
    return " or ".join(words)
