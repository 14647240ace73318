"""Heads that are alike: the same bytes but for values that are new with each message.

To read a head takes more time than all else that is done for a message. One that is like another,
which has been accepted, needs only its values read.
"""

import re

Shape = tuple[bytes, ...]

# Not zero, which would make another message of it, and nothing that two readers could differ about.
_LENGTH = rb"Content-Length: (?=[1-9][0-9]{0,14}\r\n)"


# Memory is taken by lines more than by bytes: each has objects of its own.
_SIZE_LIMIT, _LINES_LIMIT = 2048, 40


def is_kept(head: bytes) -> bool:
    """Whether what it says is remembered at all; of one that is larger nothing is."""
    return len(head) <= _SIZE_LIMIT and head.count(b"\r\n") <= _LINES_LIMIT


class Shapes:
    """Cuts heads at their Content-Length and at the values of the headers `names`.

    A value stands on a line of its own, from its colon to the line's end, and has visible ASCII
    alone: it can neither end its line nor be folded, padded or empty (RFC 9110 section 5.5). So
    whatever reads the bytes around it reads them as it did the first time.
    """

    def __init__(self, *names: str) -> None:
        starts = b"|".join([_LENGTH, *(re.escape(name).encode() + b": " for name in names)])
        pattern = rb"(\r\n(?:%b))([!-~]+)(?=\r\n)" % starts
        self._split = re.compile(pattern, re.IGNORECASE).split

    def cut(self, head: bytes) -> tuple[Shape, list[bytes]]:
        """What stands around the values - text, name, text, name, text - and the values."""
        parts = self._split(head)
        values = parts[2::3]
        del parts[2::3]
        return tuple(parts), values
