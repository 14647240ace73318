"""What is kept of things that come again, and that it has an end."""

from sidecar.repeats import Repeats


def ask(repeats: Repeats[str, int], key: str, value: int = 0) -> int | None:
    """As its users do."""
    found = repeats.get(key)
    if found is None and repeats.is_second(key):
        repeats.keep(key, value)
    return found


def test_the_third_time_is_the_first_that_finds_it() -> None:
    repeats = Repeats[str, int](most=2, remembered=8)
    assert [ask(repeats, "a", 7) for _ in range(4)] == [None, None, 7, 7]


def test_what_never_comes_again_pushes_nothing_out() -> None:
    repeats = Repeats[str, int](most=2, remembered=1000)
    for key in ("a", "a", *map(str, range(500))):
        ask(repeats, key, 7)
    assert ask(repeats, "a") == 7


def test_no_more_are_kept_than_was_said() -> None:
    repeats = Repeats[str, int](most=3, remembered=100)
    for number in range(30):
        for _ in range(2):
            ask(repeats, str(number), number)
        assert sum(repeats.get(str(each)) is not None for each in range(30)) <= 3
        assert repeats.get(str(number)) == number


def test_no_more_hashes_are_remembered_than_was_said() -> None:
    repeats = Repeats[str, int](most=3, remembered=10)
    for key in ("a", *map(str, range(10)), "a"):
        ask(repeats, key, 7)
    assert repeats.get("a") is None  # its first time was forgotten
    assert ask(repeats, "a", 7) is None
    assert ask(repeats, "a") == 7
