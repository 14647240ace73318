"""Every setting: its name, type, default and meaning, in one place.

The field `port` is the variable SIDECAR_PORT and the TOML key `port`. A default is written as a
user would write it and takes the same way in. The README's table is made from this file.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, PrivateAttr

from sidecar.config import apps, chat, memories, names, store_address, values
from sidecar.config.address import EngineAddress, engine_addresses
from sidecar.config.preset import defaults
from sidecar.config.sources import PRESET, Given
from sidecar.config.store_address import StoreAddress
from sidecar.config.token import Token, token


def parsed(parse: Callable[[str], Any]) -> PlainValidator:
    def validated(text: str) -> Any:
        if not text.isprintable():  # must not reach a header, a log or a terminal
            raise ValueError("holds a control character or is not UTF-8; write it anew")
        return parse(text)

    return PlainValidator(validated)


Text = Annotated[str, parsed(str)]
Switch = Annotated[bool, parsed(values.switch)]
Host = Annotated[str, parsed(names.host)]
Port = Annotated[int, parsed(values.port)]
Limit = Annotated[int | None, parsed(values.count)]
Size = Annotated[int, parsed(values.size())]
Seconds = Annotated[float, parsed(values.duration())]
# A wait of nothing would refuse everything; a millisecond at least is some time.
Wait = Annotated[float, parsed(values.duration(at_least=0.001))]


def setting(default: str | None, meaning: str) -> Any:
    if default is None:
        return Field(None, description=meaning)
    return Field(default, description=meaning, validate_default=True)


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    engine_url: Annotated[tuple[EngineAddress, ...], parsed(engine_addresses)] = setting(
        "http://127.0.0.1:8000",
        "the engine: `http://host:port` or `unix:/path/to.sock`; several that can do the same, "
        "with commas: docs/replicas.md",
    )
    # May hold any character: it is never written to a header or a terminal as it is.
    engine_command: Annotated[tuple[str, ...] | None, PlainValidator(names.command)] = setting(
        None,
        "the engine's own command line, which the sidecar starts and watches, as "
        "`run -- COMMAND ...` does; `{port}` in it is that of `SIDECAR_ENGINE_URL`: "
        "docs/supervisor.md",
    )
    engine_restart: Switch = setting(
        "on", "start it again when it ends by itself; `off`: end with its exit code"
    )
    engine_restarts_max: Annotated[int, parsed(values.whole)] = setting(
        "3", "restarts in a row; one that was ready for a minute has all of them again"
    )
    engine_restart_sessions: Annotated[str, parsed(values.choice("keep", "end"))] = setting(
        "keep", "when it was started again: `keep` the sessions, or `end` them all"
    )
    engine_stop_seconds: Seconds = setting(
        "5", "the part of the drain that is kept for its end: SIGTERM, then SIGKILL"
    )
    host: Host = setting("0.0.0.0", "data port: the address it listens on")
    port: Port = setting("8080", "data port; `0` takes a free one and logs it")
    admin_host: Host = setting("127.0.0.1", "admin port: the address it listens on")
    admin_port: Annotated[int | None, parsed(values.or_off(values.port))] = setting(
        "9901", "admin port; `0` takes a free one and logs it, `off` has none"
    )
    admin_token_file: Annotated[Token | None, parsed(token)] = setting(
        None,
        "a file with the token that the admin port asks for, but for health and metrics; none: "
        "nobody is asked on a loopback address, and elsewhere the rest is refused",
    )
    dialects: Annotated[tuple[str, ...], parsed(names.dialects)] = setting(
        "sagemaker",
        "the contracts that clients speak, with commas: `sagemaker`, `agentcore`, `inferencesh`",
    )
    store: Annotated[StoreAddress | Literal["tmpfs"], parsed(store_address.store)] = setting(
        "tmpfs",
        "where sessions live: `tmpfs`, or a Redis or Valkey server that several sidecars share, "
        "such as `redis://host:6379/0`: docs/fleet.md",
    )
    store_password_file: Annotated[Path | None, parsed(store_address.readable_file)] = setting(
        None, "a file with the password of that server, read for each connection"
    )
    store_ca_file: Annotated[Path | None, parsed(store_address.readable_file)] = setting(
        None, "certificates that `rediss://` trusts; none: those of the system"
    )
    store_prefix: Annotated[str, parsed(store_address.store_prefix)] = setting(
        "sidecar", "begins every key at that server: one for each fleet"
    )
    sessions: Switch = setting(
        "on", "`off`: control requests and session headers are refused, the rest is forwarded"
    )
    sessions_path: Annotated[Path, parsed(names.directory)] = setting(
        "/dev/shm/sagemaker_sessions",
        "the directory of the tmpfs store; one of that name in the system's temporary directory "
        "if it cannot be used",
    )
    sessions_ttl: Annotated[float, parsed(values.duration(at_least=1.0))] = setting(
        "1200", "life of a session from its creation; at least `1`"
    )
    sessions_max: Limit = setting(
        None, "live sessions above which new ones get 503; none: what free space allows"
    )
    sessions_expiration_file: Switch = setting(
        "off", "write `.expiration_ts`, as model-hosting-container-standards does, per session"
    )
    session_header: Annotated[str | None, parsed(values.or_off(names.header))] = setting(
        "X-Amzn-SageMaker-Session-Id",
        "the request header that tells the engine the session; `off`: none",
    )
    session_body_path: Annotated[tuple[str, ...] | None, parsed(names.body_path)] = setting(
        None, "dot path, such as `metadata.session_id`, where a JSON body gets the session too"
    )
    body_limit: Size = setting("10MiB", "largest JSON body that is rewritten for that; above: 413")
    control_body_limit: Annotated[int, parsed(values.size(at_least=64))] = setting(
        "4KiB",
        "largest body that may be a control request; at least `64`, which holds any of them",
    )
    create_on_first_use: Switch = setting(
        "on", "the session header `NEW_SESSION` on a normal request makes the session first"
    )
    session_owner_header: Annotated[str | None, parsed(names.header)] = setting(
        None,
        "a request header, such as `Authorization`: a session then belongs to whoever sends the "
        "value that it was opened with; none: to whoever knows its id",
    )
    session_order: Annotated[str, parsed(values.choice("parallel", "serialize", "reject"))] = (
        setting(
            "parallel",
            "requests of one session: `parallel`, `serialize` (one after the other) or `reject` "
            "(409 while one is being answered)",
        )
    )
    session_queue: Annotated[int, parsed(values.count)] = setting(
        "32", "requests of one session that wait with `serialize`, in each process; above: 429"
    )
    request_body_max: Size = setting("2GiB", "largest request body; above: 413")
    engine_health_path: Annotated[str | None, parsed(names.health_path)] = setting(
        None,
        "asked to learn whether the engine is ready; none: the first that answers of "
        "`/ping`, `/health`, `/v2/health/ready`, else a TCP connection",
    )
    engine_connect_timeout: Wait = setting("5", "wait for a connection to the engine")
    engine_response_timeout: Annotated[
        float | None, parsed(values.or_off(values.duration(at_least=0.001)))
    ] = setting(
        "off", "wait for the first byte of the engine's answer; `off`: long prompts take long"
    )
    engine_idle_seconds: Seconds = setting(
        "4", "an idle connection to the engine is closed after this; uvicorn closes its end after 5"
    )
    replica_loss: Annotated[str, parsed(values.choice("fail", "repin"))] = setting(
        "fail",
        "of several engines, one is lost with what it remembers: `fail` (410, and the session "
        "ends) or `repin` (the session goes on with another engine, which knows nothing of it)",
    )
    replica_grace: Seconds = setting(
        "5", "one that refuses connections, and is not ready again within this, is lost"
    )
    replica_silence: Seconds = setting(
        "120", "one that takes connections, but is not ready for this long, is lost"
    )
    replica_header: Annotated[str | None, parsed(values.or_off(names.header))] = setting(
        "X-Session-Replica",
        "the header of a reply that names the engine, where there are several; `off`: none",
    )
    head_timeout: Wait = setting("15", "a request's head must be complete within this")
    keepalive_timeout: Wait = setting(
        "75",
        "an idle client connection is closed after this; AWS load balancers keep theirs for 60",
    )
    body_min_rate: Size = setting("1000", "slowest upload in bytes a second; `0`: any")
    body_grace: Seconds = setting(
        "20", "an upload may be slower than `SIDECAR_BODY_MIN_RATE` for this long"
    )
    send_timeout: Wait = setting("60", "a client that reads nothing for this long is dropped")
    connections_max: Limit = setting(
        None, "client connections; none: what the descriptor limit allows, less than half of it"
    )
    drain_seconds: Wait = setting("25", "the whole drain after SIGTERM; SageMaker kills after 30")
    lame_duck_seconds: Seconds = setting(
        "3", "the first part of the drain: still accepting, with `Connection: close`"
    )
    log_format: Annotated[str, parsed(values.choice("json", "text"))] = setting(
        "json", "`json` or `text`"
    )
    log_level: Annotated[str, parsed(values.log_level)] = setting(
        "info", "`debug`, `info`, `warning` or `error`, or a number of Python's `logging`"
    )
    trace_session_id: Switch = setting(
        "off",
        "whole session ids in OpenTelemetry spans, `session.id`: they are the keys to the sessions",
    )
    access_log: Switch = setting("on", "one line per request")
    config: Annotated[Path | None, parsed(Path)] = setting(
        None, "a TOML file with any of these, in lower case and without the prefix"
    )
    workers: Annotated[int, parsed(values.count)] = setting(
        "1", "processes that share the data port and the sessions"
    )
    express: Switch = setting("on", "the faster lane for plain requests")
    memory: Annotated[str | None, parsed(values.or_off(values.choice("chat")))] = setting(
        "off", "`chat`: the sidecar keeps each session's conversation for an engine that does not"
    )
    memory_turns: Annotated[int | None, parsed(values.or_off(values.count))] = setting(
        "100", "turns of a conversation that are kept; `off`: any number"
    )
    memory_characters: Annotated[int | None, parsed(values.or_off(values.count))] = setting(
        "100000",
        "characters of a conversation that are kept, and sent with the new messages; `off`: any",
    )
    memory_bytes: Annotated[int, parsed(chat.room)] = setting(
        "1MiB", "bytes of a conversation that are kept, `4KiB` to `4MiB`"
    )
    memory_paths: Annotated[tuple[str, ...], parsed(chat.paths)] = setting(
        "/v1/chat/completions,/invocations", "the engine's paths that take a conversation"
    )
    memory_messages: Annotated[tuple[str, ...], parsed(names.body_path)] = setting(
        "messages", "dot path of the list of messages in a request"
    )
    memory_reply: Annotated[chat.Query, parsed(chat.Query)] = setting(
        "choices[0].message", "JMESPath of the message, or its text, in a JSON answer"
    )
    memory_delta: Annotated[chat.Query, parsed(chat.Query)] = setting(
        "choices[0].delta", "JMESPath of a part of it in one event of a stream"
    )
    memory_finish: Annotated[chat.Query | None, parsed(values.or_off(chat.Query))] = setting(
        "choices[0].finish_reason",
        "JMESPath of what the last part of a stream has; `off`: the answer's end is enough",
    )
    engine_preset: Text | None = setting(
        None,
        "how an engine that keeps sessions itself is called: a name (`session-sidecar presets`), "
        "or the path of an own file; its variables are `SIDECAR_PRESET_…`",
    )
    create_session_defaults: Annotated[Mapping[str, Any], parsed(defaults)] = setting(
        "{}", "what the preset's create call sends where it says nothing else, by place, as JSON"
    )
    close_session_defaults: Annotated[Mapping[str, Any], parsed(defaults)] = setting(
        "{}", "the same of its close call"
    )
    agentcore_memories: Annotated[Mapping[str, int | None] | None, parsed(memories.declared)] = (
        setting(
            None,
            "AgentCore memories that there are, each with the days that its events are kept: "
            "`chats-0123456789=30,notes-0123456789`; none: any id is one",
        )
    )
    agentcore_expiry_days: Annotated[int, parsed(memories.days)] = setting(
        "90", "days that events of a memory are kept which names none, `1` to `3650`"
    )
    agentcore_idle: Annotated[float, parsed(values.duration(at_least=1.0))] = setting(
        "15m", "an AgentCore runtime session without a turn ends after this"
    )
    agentcore_lifetime: Annotated[float, parsed(values.duration(at_least=1.0))] = setting(
        "8h", "the longest life of an AgentCore runtime session"
    )
    agentcore_memory_id: Annotated[str | None, parsed(memories.told)] = setting(
        None, "the memory that an agent is told of whose client names none"
    )
    agentcore_authorization: Switch = setting(
        "off", "let an agent see its client's `Authorization`; never a signature for AWS"
    )
    agentcore_strict: Switch = setting(
        "off", "accept only ids that Amazon's service accepts, with its words"
    )
    agentcore_conversations: Annotated[str | None, parsed(memories.memory)] = setting(
        None,
        "a memory, by its id, whose sessions are the conversations that `SIDECAR_MEMORY` keeps",
    )

    inferencesh_apps: Annotated[Mapping[str, apps.App], parsed(apps.apps_of)] = setting(
        "{}",
        "the engine's paths for apps of inference.sh's clients, in JSON: "
        '`{"my-app": {"path": "/predict"}}`; docs/inferencesh.md',
    )
    inferencesh_default_path: Annotated[str | None, parsed(values.or_off(apps.path))] = setting(
        "/invocations", "the engine's path for any other app; `off`: there is none"
    )
    inferencesh_timeout: Annotated[float, parsed(values.duration(at_least=1.0))] = setting(
        "60", "a session of an app that names no timeout ends after so long without a call"
    )
    inferencesh_end_on: Annotated[
        Mapping[str, list[Any]] | None, parsed(values.or_off(apps.end_on_of))
    ] = setting(
        '{"action": ["cleanup"]}',
        "what of an input ends its session after the call; `off`: nothing",
    )
    inferencesh_file_limit: Size = setting(
        "10MiB", "largest file that an SDK may upload for an input; `0`: none"
    )

    _given: Mapping[str, Given] = PrivateAttr(default_factory=dict)

    def model_post_init(self, given: Mapping[str, Given] | None) -> None:
        if given is not None:
            self._given = dict(given)

    @property
    def preset_variables(self) -> dict[str, str]:
        """`SIDECAR_PRESET_MODEL` and `preset_model` in the file are MODEL."""
        return {
            name.removeprefix(PRESET).upper(): given.text
            for name, given in self._given.items()
            if name.startswith(PRESET)
        }

    def given(self, name: str) -> Given:
        """The setting's text and where it came from."""
        default = type(self).model_fields[name].default
        return self._given.get(name) or Given("none" if default is None else default, "default")

    def shown(self, name: str) -> str:
        """For people. Of a command only the program: its arguments may hold a key."""
        if name == "engine_command" and self.engine_command is not None:
            program, *rest = self.engine_command
            return f"{ascii(program)[1:-1]} ({len(rest)} arguments)"
        if name == "store":
            return str(self.store)  # without the password
        return self.given(name).text

    def aliases(self) -> dict[str, str]:
        """The platform's names in use, and the setting that each one gave: for the log."""
        return {given.alias: name for name, given in self._given.items() if given.alias}
