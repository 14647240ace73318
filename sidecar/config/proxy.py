"""The settings of the proxy itself: engine, ports, store, sessions, limits, end, log."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, PlainValidator

from sidecar.config import names, store_address, values
from sidecar.config.address import EngineAddress, engine_addresses
from sidecar.config.declare import Host, Limit, Port, Seconds, Size, Switch, Wait, parsed, setting
from sidecar.config.store_address import StoreAddress
from sidecar.config.token import Token, token


class ProxySettings(BaseModel):
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
