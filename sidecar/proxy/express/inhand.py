"""The request in hand on a connection of the express lane, and its end: the answers of ours."""

from sidecar.dialects.intent import Answer, Route
from sidecar.errors import SidecarError
from sidecar.head import Head
from sidecar.proxy.express.wire import ClientWire
from sidecar.proxy.framing import Framer
from sidecar.proxy.house import House
from sidecar.proxy.plan import Plan
from sidecar.proxy.reset import reset
from sidecar.proxy.wire import answer_bytes
from sidecar.turn import Turn


class RequestInHand(ClientWire):
    """`plan`, `head` and `turn` are those of the request in hand. Between two requests `plan` is
    None and there are no others: an idle connection keeps nothing of its last one."""

    __slots__ = ("_framer", "head", "house", "plan", "turn")

    head: Head
    turn: Turn

    def __init__(self, house: House, framer: Framer) -> None:
        super().__init__()
        self.house = house
        self.plan: Plan | None = None
        self._framer = framer

    @property
    def is_idle(self) -> bool:
        return self.pace.is_ending or (self.plan is None and not self._framer.rest)

    @property
    def body_is_awaited(self) -> bool:
        return self._framer.in_body

    @property
    def route(self) -> Route:
        """That of the request in hand, whose head has been accepted."""
        assert self.plan is not None and self.plan.route is not None
        return self.plan.route

    @property
    def may_keep(self) -> bool:
        """Whether the connection may be used again, as far as client and sidecar can tell."""
        plan = self.plan
        keep = plan is not None and plan.keep_alive and not self.house.life.draining
        return keep and not self._framer.in_body

    def _take(self, plan: Plan) -> None:
        self.plan = plan
        self.turn = plan.turn(self.client, self.house.spans)
        if plan.head is not None:
            self.head = plan.head

    def _refuse_head(self, plan: Plan) -> None:
        """Nothing that follows a head that is not understood can be trusted."""
        assert plan.refusal is not None
        self.turn.error, self.turn.status = plan.refusal.error, plan.refusal.answer.status
        self.write(answer_bytes(plan.refusal.answer, close=True))
        self._note_turn()
        self._end()

    def _refuse(self, error: SidecarError) -> None:
        self.turn.error = error.message
        self._say(self.route.voice.refuse(error))

    def _say(self, answer: Answer) -> None:
        """Give a complete answer of ours."""
        assert self.plan is not None
        self.turn.status, self.turn.bytes_out = answer.status, len(answer.body)
        keep = self.may_keep and not self.plan.streams
        self.write(answer_bytes(answer, close=not keep, head_only=self.head.method == "HEAD"))
        self._finish(keep=keep)

    def break_off(self, error: SidecarError) -> None:
        """The client must not take what it has got for the whole."""
        self.turn.error = error.message
        self._note_turn()
        if self.transport is not None:
            reset(self.transport)

    def _finish(self, *, keep: bool) -> None:
        self._note_turn()
        del self.head
        if not keep:
            self._end()
        elif self.is_held:
            self.hold_reading(False)

    def _note_turn(self) -> None:
        self.plan = None
        self.house.on_turn(self.turn)
        del self.turn
