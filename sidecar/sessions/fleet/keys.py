"""What a session is on the server: the names of its keys.

    {prefix}:s:<id>    hash    its times, owner and state
    {prefix}:e:<id>    list    the log
    {prefix}:d:<id>    hash    keys and values for the engine
    {prefix}:l:<id>    string  whose turn it is
    {prefix}:ends      zset    ids by the end of their life; {prefix}:ids the same, by name
    {prefix}:late      zset    sessions that ended by themselves and that nobody was told of yet, by
                               the time when another sidecar may take that over
    {prefix}:said      hash    what is to be told of each of those

The braces around the prefix make it the hash tag of all of them, so a cluster keeps them on one
node: a session and its place in the lists change in one step or not at all. Times are microseconds
of the server's clock (TIME).
"""


class Keys:
    def __init__(self, prefix: str, place: str = "") -> None:
        self._prefix = prefix
        self._tag = f"{{{prefix}}}:{place}"
        self.ends = self._tag + "ends"
        self.ids = self._tag + "ids"
        self.late = self._tag + "late"
        self.said = self._tag + "said"
        self.probe = self._tag + "probe"
        self._shared = (self.ends, self.ids, self.late, self.said)

    def apart(self, name: str) -> "Keys":
        return Keys(self._prefix, f"{name}:")

    def record(self, session_id: str) -> str:
        return f"{self._tag}s:{session_id}"

    def of(self, session_id: str) -> tuple[str, ...]:
        """KEYS of every script that is about one session."""
        own = (f"{self._tag}{kind}:{session_id}" for kind in "sedl")
        return (*own, *self._shared)
