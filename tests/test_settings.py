"""Every setting: what it takes, what it refuses and in which words."""

import random
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sidecar.config import ConfigurationError, EngineAddress, Settings, load
from sidecar.config.apps import App
from sidecar.config.chat import Query
from sidecar.config.sources import variable
from sidecar.config.store_address import store_address
from sidecar.config.token import Token

TOKEN = Path(__file__).parent / "admin" / "token.txt"
NAMES = tuple(Settings.model_fields)
SWITCHES = ("sessions", "access_log", "trace_session_id")
TCP = EngineAddress("http://127.0.0.1:8000", "127.0.0.1", 8000)

DEFAULTS: dict[str, Any] = {
    "engine_url": (TCP,),
    "host": "0.0.0.0",
    "port": 8080,
    "admin_host": "127.0.0.1",
    "admin_port": 9901,
    "admin_token_file": None,
    "dialects": ("sagemaker",),
    "store": "tmpfs",
    "store_password_file": None,
    "store_ca_file": None,
    "store_prefix": "sidecar",
    "sessions": True,
    "sessions_path": Path("/dev/shm/sagemaker_sessions"),
    "sessions_ttl": 1200.0,
    "sessions_max": None,
    "sessions_expiration_file": False,
    "session_header": "X-Amzn-SageMaker-Session-Id",
    "session_body_path": None,
    "body_limit": 10 * 2**20,
    "control_body_limit": 4096,
    "create_on_first_use": True,
    "session_owner_header": None,
    "session_order": "parallel",
    "session_queue": 32,
    "request_body_max": 2 * 2**30,
    "engine_health_path": None,
    "engine_command": None,
    "engine_restart": True,
    "engine_restarts_max": 3,
    "engine_restart_sessions": "keep",
    "engine_stop_seconds": 5.0,
    "engine_connect_timeout": 5.0,
    "engine_response_timeout": None,
    "engine_idle_seconds": 4.0,
    "replica_loss": "fail",
    "replica_grace": 5.0,
    "replica_silence": 120.0,
    "replica_header": "X-Session-Replica",
    "head_timeout": 15.0,
    "keepalive_timeout": 75.0,
    "body_min_rate": 1000,
    "body_grace": 20.0,
    "send_timeout": 60.0,
    "connections_max": None,
    "drain_seconds": 25.0,
    "lame_duck_seconds": 3.0,
    "log_format": "json",
    "log_level": "info",
    "access_log": True,
    "trace_session_id": False,
    "config": None,
    "workers": 1,
    "express": True,
    "memory": None,
    "memory_turns": 100,
    "memory_characters": 100_000,
    "memory_bytes": 2**20,
    "memory_paths": ("/v1/chat/completions", "/invocations"),
    "memory_messages": ("messages",),
    "memory_reply": Query("choices[0].message"),
    "memory_delta": Query("choices[0].delta"),
    "memory_finish": Query("choices[0].finish_reason"),
    "engine_preset": None,
    "create_session_defaults": {},
    "close_session_defaults": {},
    "agentcore_memories": None,
    "agentcore_expiry_days": 90,
    "inferencesh_apps": {},
    "inferencesh_default_path": "/invocations",
    "inferencesh_timeout": 60.0,
    "inferencesh_end_on": {"action": ["cleanup"]},
    "inferencesh_file_limit": 10 * 2**20,
    "agentcore_idle": 900.0,
    "agentcore_lifetime": 28800.0,
    "agentcore_memory_id": None,
    "agentcore_authorization": False,
    "agentcore_strict": False,
    "agentcore_conversations": None,
}

GOOD: tuple[tuple[str, str, Any], ...] = (
    ("engine_url", "http://e.svc:80", (EngineAddress("http://e.svc:80", "e.svc", 80),)),
    ("engine_url", "http://my_engine:1/", (EngineAddress("http://my_engine:1", "my_engine", 1),)),
    ("engine_url", "HTTP://engine", (EngineAddress("http://engine:80", "engine", 80),)),
    ("engine_url", "http://[::1]:8000", (EngineAddress("http://[::1]:8000", "::1", 8000),)),
    ("engine_url", "unix:/run/e.sock", (EngineAddress("unix:/run/e.sock", path="/run/e.sock"),)),
    ("engine_url", "unix:///run/e.sock", (EngineAddress("unix:/run/e.sock", path="/run/e.sock"),)),
    ("engine_url", "http://a:1 , unix:/e,http://b", (
        EngineAddress("http://a:1", "a", 1),
        EngineAddress("unix:/e", path="/e"),
        EngineAddress("http://b:80", "b", 80),
    )),
    ("host", "127.0.0.1", "127.0.0.1"),
    ("host", "::", "::"),
    ("host", "[::1]", "::1"),
    ("host", "localhost", "localhost"),
    ("port", "0", 0),
    ("port", "65535", 65535),
    ("admin_host", "0.0.0.0", "0.0.0.0"),
    ("admin_token_file", str(TOKEN), Token(TOKEN, b"only-for-tests-0123")),
    ("admin_port", "0", 0),
    ("admin_port", "off", None),
    ("admin_port", "OFF", None),
    ("dialects", "sagemaker", ("sagemaker",)),
    ("dialects", "agentcore,sagemaker", ("agentcore", "sagemaker")),
    ("dialects", " SageMaker , sagemaker", ("sagemaker",)),
    ("store", "tmpfs", "tmpfs"),
    ("store", "redis://:s3cret@r/1", store_address("redis://:s3cret@r/1")),
    ("store_password_file", "/etc/hostname", Path("/etc/hostname")),
    ("store_ca_file", "/etc/hostname", Path("/etc/hostname")),
    ("store_prefix", "team-a:sidecar", "team-a:sidecar"),
    ("sessions_path", "/mnt/my sessions", Path("/mnt/my sessions")),
    ("sessions_ttl", "1", 1.0),
    ("sessions_ttl", "20m", 1200.0),
    ("sessions_ttl", "1h30m", 5400.0),
    ("sessions_ttl", "1d", 86400.0),
    ("sessions_ttl", "1.5h", 5400.0),
    ("sessions_ttl", "365d", 31536000.0),
    ("sessions_max", "1", 1),
    ("session_header", "off", None),
    ("session_header", "X-Session", "X-Session"),
    ("session_header", "x_amzn_sagemaker_session_id", "x_amzn_sagemaker_session_id"),
    ("session_body_path", "session_id", ("session_id",)),
    ("session_body_path", "metadata.session_id", ("metadata", "session_id")),
    ("body_limit", "0", 0),
    ("body_limit", "64MiB", 64 * 2**20),
    ("body_limit", "10mb", 10_000_000),
    ("body_limit", "512B", 512),
    ("control_body_limit", "64", 64),
    ("request_body_max", "1TiB", 2**40),
    ("engine_command", "vllm serve 'my model'", ("vllm", "serve", "my model")),
    ("engine_command", """sh -c 'a\nb' --json '{"a": "$1"}'""",
     ("sh", "-c", "a\nb", "--json", '{"a": "$1"}')),
    ("engine_restart", "false", False),
    ("engine_restarts_max", "0", 0),
    ("engine_restart_sessions", "END", "end"),
    ("engine_stop_seconds", "0", 0.0),
    ("engine_health_path", "/v2/health/ready?x=1", "/v2/health/ready?x=1"),
    ("engine_connect_timeout", "500ms", 0.5),
    ("engine_response_timeout", "60", 60.0),
    ("engine_response_timeout", "off", None),
    ("engine_idle_seconds", "0", 0.0),
    ("head_timeout", "0.25", 0.25),
    ("keepalive_timeout", "1m15s", 75.0),
    ("body_min_rate", "0", 0),
    ("body_min_rate", "2kB", 2000),
    ("body_grace", "0", 0.0),
    ("send_timeout", "1s500ms", 1.5),
    ("connections_max", "9000", 9000),
    ("drain_seconds", "5", 5.0),
    ("lame_duck_seconds", "0", 0.0),
    ("log_format", "TEXT", "text"),
    ("log_level", "DEBUG", "debug"),
    ("log_level", "warn", "warning"),
    ("log_level", "CRITICAL", "error"),
    ("log_level", "10", "debug"),
    ("log_level", "20", "info"),
    ("log_level", "25", "warning"),
    ("log_level", "0", "debug"),
    ("log_level", "50", "error"),
    ("workers", "1", 1),
    ("express", "false", False),
    ("memory", "off", None),
    ("memory", "Chat", "chat"),
    ("memory_turns", "off", None),
    ("memory_turns", "1", 1),
    ("memory_characters", "off", None),
    ("memory_characters", "8000", 8000),
    ("memory_bytes", "4KiB", 4096),
    ("memory_bytes", "4MiB", 4 * 2**20),
    ("memory_paths", "/chat , /v2/talk,/chat", ("/chat", "/v2/talk")),
    ("memory_messages", "inputs.history", ("inputs", "history")),
    ("memory_reply", "{role: 'bot', text: out}", Query("{role: 'bot', text: out}")),
    ("memory_delta", "token.text", Query("token.text")),
    ("memory_finish", "off", None),
    *((name, word, True) for name in SWITCHES for word in ("on", "YES", "1")),
    *((name, word, False) for name in SWITCHES for word in ("off", "False", "0")),
    ("sessions_expiration_file", "true", True),
    ("engine_preset", "sglang", "sglang"),
    ("create_session_defaults", '{"body.capacity": 1024}', {"body.capacity": 1024}),
    ("close_session_defaults", '{"headers.X-Force": true}', {"headers.X-Force": True}),
    ("create_on_first_use", "no", False),
    ("session_owner_header", "Authorization", "Authorization"),
    ("session_order", "Reject", "reject"),
    ("session_queue", "5", 5),
    ("replica_loss", "Repin", "repin"),
    ("replica_grace", "0", 0.0),
    ("replica_silence", "10m", 600.0),
    ("replica_header", "X-Served-By", "X-Served-By"),
    ("replica_header", "off", None),
    ("agentcore_memories", "a-0123456789=30, b", {"a-0123456789": 30, "b": None}),
    ("agentcore_expiry_days", "3650", 3650),
    ("inferencesh_apps", '{"a": {"path": "/p"}}', {"a": App("/p")}),
    (
        "inferencesh_apps",
        '{"a": {"path": "/{function}", "functions": {"x": "/y"}, "adapter": "chat", "model": "m"}}',
        {"a": App("/{function}", {"x": "/y"}, chat=True, model="m")},
    ),
    ("inferencesh_default_path", "off", None),
    ("inferencesh_default_path", "/predict", "/predict"),
    ("inferencesh_timeout", "5m", 300.0),
    ("inferencesh_end_on", "off", None),
    ("inferencesh_end_on", '{"do": ["stop", 1]}', {"do": ["stop", 1]}),
    ("inferencesh_file_limit", "0", 0),
    ("agentcore_idle", "60", 60.0),
    ("agentcore_lifetime", "1h", 3600.0),
    ("agentcore_memory_id", "chats-0123456789", "chats-0123456789"),
    ("agentcore_authorization", "on", True),
    ("agentcore_strict", "on", True),
    ("agentcore_conversations", "talks-0123456789", "talks-0123456789"),
)  # fmt: skip

LATER = "is not supported in this version; remove it"
TIME = 'is not a time; write seconds or a form such as "20m"'
SIZE = 'is not a size; write bytes or a form such as "64MiB"'
FORM = "write http://host:port or unix:/path"

BAD: tuple[tuple[str, str, str], ...] = (
    ("engine_url", "https://engine:443", "is https, which is not spoken to an engine; put it on"),
    ("engine_url", "127.0.0.1:8000", f"has no scheme; {FORM}"),
    ("engine_url", "ftp://engine", f"is not an http address; {FORM}"),
    ("engine_url", "http://a:1,", f"has no scheme; {FORM}"),
    ("engine_url", "http://a,unix:/x,http://A:80/", '"http://a:80" is there twice; give each eng'),
    ("engine_url", "http://b:1,http://u:s3,cret@a:1", "an engine address holds no user or passwo"),
    ("engine_url", "http://b:1,http://localhost:8080", "is the sidecar's own data port; give the"),
    ("engine_url", "http://u:s3cret@a:1", f"an engine address holds no user or password; {FORM}"),
    ("engine_url", "http://a:1/v1", "has a path, a query or a fragment; every path is the"),
    ("engine_url", "http://a:1?x=1", "has a path, a query or a fragment"),
    ("engine_url", "http://a:1/?", "has a path, a query or a fragment"),
    ("engine_url", "http://a:1#x", "has a path, a query or a fragment"),
    ("engine_url", "http://", f"names no host and port to connect to; {FORM}"),
    ("engine_url", "http://:8000", "names no host and port to connect to"),
    ("engine_url", "http://a:0", "names no host and port to connect to"),
    ("engine_url", "http://a b:1", "names no host and port to connect to"),
    ("engine_url", "http://1.2.3:1", "names no host and port to connect to"),
    ("engine_url", "http://a:65536", f"has a port or an IPv6 address that is none; {FORM}"),
    ("engine_url", "http://a:x", "has a port or an IPv6 address that is none"),
    ("engine_url", "http://[::1:1", "has a port or an IPv6 address that is none"),
    ("engine_url", "unix:e.sock", "is not the absolute path of a socket; write unix:/path/to.sock"),
    ("engine_url", "unix:/run/", "is not the absolute path of a socket"),
    ("engine_url", "unix:/" + "a" * 107, "is too long for a Unix socket; use a path of 107 bytes"),
    ("engine_url", "http://127.0.0.1:8080", "is the sidecar's own data port; give the engine's"),
    ("engine_url", "http://localhost:8080", "is the sidecar's own data port"),
    ("host", "*", "is not a host; give a name or an IP address; 0.0.0.0 is every address"),
    ("host", "256.0.0.1", "is not a host"),
    ("host", "127.0.0.1:8080", "is not a host"),
    ("host", "[localhost]", "is not a host"),
    ("host", "http://a", "is not a host"),
    ("admin_host", "a b", "is not a host"),
    ("port", "http", "is not a port; give 0 to 65535 (0 takes a free one)"),
    ("port", "-1", "is not a port"),
    ("port", "65536", "is not a port"),
    ("port", "8_080", "is not a port"),
    ("port", "٣", "is not a port"),
    ("port", "9" * 5000, "is not a port"),
    ("port", "tcp://10.0.0.1:8080", "is a Kubernetes service link; set enableServiceLinks: false"),
    ("admin_token_file", "/nowhere", "cannot be read: No such file or directory; name a file"),
    ("admin_token_file", "/dev/null", "holds no token; write 16 letters, digits or -._~+/ or more"),
    ("admin_token_file", __file__, "holds no token"),
    ("admin_port", "x", "is not a port; give 0 to 65535 (0 takes a free one), or off"),
    ("admin_port", "8080", "8080 is the data port too; give another one, 0 or off"),
    ("dialects", "openai", "is not a dialect; write any of sagemaker, agentcore, inferencesh"),
    ("dialects", "sagemaker,", "is not a dialect"),
    ("store", "disk", "is not a store; write tmpfs, or an address such as redis://host:6379/0"),
    ("store", "http://r", "has a scheme that is no store's; write tmpfs, or an address such as"),
    ("store_prefix", "a{b}", "is not a prefix; use up to 64 letters, digits and . _ : -"),
    ("store_password_file", "/nowhere", "cannot be read: No such file or directory; name a file"),
    ("store_ca_file", "/", "cannot be read: Is a directory; name a file"),
    ("sessions", "maybe", "is neither on nor off; write on or off"),
    ("sessions_path", "sessions", "is not the absolute path of a directory; let it start with /"),
    ("sessions_path", "/", "is not the absolute path of a directory"),
    ("sessions_ttl", "0.5", "is too short; give 1 seconds or more"),
    ("sessions_ttl", "366d", "is too long; give a year (365d) or less"),
    *(("sessions_ttl", text, TIME)
      for text in ("soon", "-1", "1e3", "nan", "inf", "20 m", "30m1h", "1m1m", "m", "٣", ".5")),
    ("sessions_max", "0", "is not a whole number above 0; give 1 or more"),
    ("sessions_max", "many", "is not a whole number above 0"),
    ("sessions_expiration_file", "2", "is neither on nor off"),
    *(("session_header", name, "is a header with another meaning in HTTP or here; choose another")
      for name in ("Host", "content_length", "Connection", "TE",
                   "X-Amzn-SageMaker-New-Session-Id")),
    ("session_header", "X Session", "is not a header name; use letters, digits and hyphens"),
    ("session_header", "X-Séance", "is not a header name"),
    ("session_body_path", "a..b", 'is not a dot path; write names and dots, as in "metadata.'),
    ("session_body_path", "$.a", "is not a dot path"),
    ("session_body_path", "a[0]", "is not a dot path"),
    *(("body_limit", text, SIZE) for text in ("big", "-1", "10 MB", "1.5GiB", "10M", "MiB")),
    ("control_body_limit", "63", "is too small; give 64 bytes or more"),
    ("create_on_first_use", "sometimes", "is neither on nor off"),
    ("session_owner_header", "Host", "is a header with another meaning"),
    ("replica_loss", "wait", "is not a choice here; write fail or repin"),
    ("replica_grace", "-1", TIME),
    ("replica_silence", "long", TIME),
    ("replica_header", "Content-Length", "is a header with another meaning in HTTP or here; cho"),
    ("session_order", "fifo", "is not a choice here"),
    ("session_queue", "0", "is not a whole number above 0"),
    ("request_body_max", "2G", SIZE),
    ("engine_command", "vllm 'serve", "cannot be split into words (No closing quotation); quote"),
    ("engine_command", "''", "is no command line; write it as in"),
    ("engine_restart", "always", "is neither on nor off"),
    ("engine_restarts_max", "-1", "is not a whole number; give 0 or more"),
    ("engine_restart_sessions", "close", "is not a choice here; write keep or end"),
    ("engine_stop_seconds", "soon", TIME),
    ("engine_health_path", "health", 'is not the path of a URL; let it start with "/"'),
    ("engine_health_path", "/a b", "is not the path of a URL"),
    ("engine_health_path", "/a#b", "is not the path of a URL"),
    ("engine_connect_timeout", "0", "is too short; give 0.001 seconds or more"),
    ("engine_response_timeout", "0", "is too short; give 0.001 seconds or more, or off"),
    ("engine_response_timeout", "x", "or off"),
    ("engine_idle_seconds", "x", TIME),
    ("head_timeout", "0", "is too short"),
    ("keepalive_timeout", "0ms", "is too short"),
    ("body_min_rate", "fast", SIZE),
    ("body_grace", "x", TIME),
    ("send_timeout", "0", "is too short"),
    ("connections_max", "0", "is not a whole number above 0"),
    ("drain_seconds", "0", "is too short"),
    ("lame_duck_seconds", "x", TIME),
    ("lame_duck_seconds", "25", "25 seconds are part of SIDECAR_DRAIN_SECONDS, which is 25; make"),
    ("log_format", "xml", "is not a choice here; write json or text"),
    ("log_level", "loud", "is not a log level; write debug, info, warning, error"),
    ("log_level", "-1", "is not a log level"),
    ("access_log", "x", "is neither on nor off"),
    ("trace_session_id", "x", "is neither on nor off"),
    ("config", "/nowhere/sidecar.toml", "cannot be read (No such file or directory); correct it"),
    ("workers", "x", "is not a whole number above 0"),
    ("express", "fast", "is neither on nor off"),
    ("memory", "on", "is not a choice here; write chat, or off"),
    ("memory_turns", "0", "is not a whole number above 0; give 1 or more, or off"),
    ("memory_characters", "many", "is not a whole number above 0"),
    ("memory_bytes", "4095", "is too small; give 4096 bytes or more"),
    ("memory_bytes", "5MiB", "is too large; give 4194304 bytes or less"),
    ("memory_paths", "chat", "is not the path of a URL"),
    ("memory_paths", "/chat,", '"" is not the path of a URL'),
    ("memory_paths", "/chat?a=1", "is not the path of a URL"),
    ("memory_messages", "inputs[0]", "is not a dot path"),
    ("memory_reply", "choices[0", "is not JMESPath ("),
    ("memory_reply", "lenght(choices)", "calls lenght(); did you mean length"),
    ("memory_delta", "choices[", "is not JMESPath ("),
    ("memory_finish", "a b", "is not JMESPath ("),
    ("engine_preset", "sglan", 'there is no preset "sglan"; did you mean sglang?'),
    ("engine_preset", "mlserver", "needs the variable SIDECAR_PRESET_MODEL; set it"),
    ("engine_preset", "./nowhere.json", "cannot be read (No such file or directory)"),
    ("create_session_defaults", "capacity: 1024", "is not JSON; write it as in"),
    ("create_session_defaults", '{"body.capacity": 1e400}', "is not JSON; write it as in"),
    ("create_session_defaults", "[]", "is no JSON object; write it as in"),
    ("close_session_defaults", '{"force": false}', '"force" is not a place in a request'),
    ("agentcore_memories", "a,,b", "names no memory; write an id"),
    ("agentcore_memories", "arn:aws:x:y:1:memory/a", "names no memory; write an id, not an ARN"),
    ("agentcore_memories", "a=7,a=8", "is named twice"),
    ("agentcore_memories", "a=", "is not a number of days; give 1 to 3650"),
    ("agentcore_expiry_days", "0", "is not a number of days; give 1 to 3650"),
    ("agentcore_expiry_days", "3651", "is not a number of days"),
    ("agentcore_expiry_days", "99999999", "is not a number of days"),
    ("inferencesh_apps", "a=/p", "is not JSON; write it as in"),
    ("inferencesh_apps", "[]", "is no JSON object"),
    ("inferencesh_apps", '{"a": "/p"}', 'app "a" has no path that starts with /'),
    ("inferencesh_apps", '{"a": {"path": "/p", "x": 1}}', "unknown key x; there is adapter"),
    ("inferencesh_apps", '{"a": {"path": "/p", "adapter": "x"}}', "adapter may be chat"),
    ("inferencesh_apps", '{"a": {"path": "/p", "model": 1}}', "model is a text"),
    ("inferencesh_apps", '{"a": {"path": "/p", "functions": ["/x"]}}', "are names and paths"),
    ("inferencesh_default_path", "predict", "is not the path of a URL"),
    ("inferencesh_timeout", "0", "is too short"),
    ("inferencesh_end_on", '{"action": "cleanup"}', "has a name without a list of values"),
    ("inferencesh_file_limit", "many", "is not a size"),
    ("agentcore_idle", "0", "is too short"),
    ("agentcore_lifetime", "soon", "is not a time"),
    ("agentcore_memory_id", "a\nb", "holds a control character"),
    ("agentcore_memory_id", "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "cannot be in a header"),
    ("agentcore_authorization", "maybe", "is neither on nor off"),
    ("agentcore_strict", "maybe", "is neither on nor off"),
    ("agentcore_conversations", "a=7", "names no memory; write an id, not an ARN"),
)  # fmt: skip


def mistakes(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as error:
        load(environ)
    return error.value.mistakes


def test_the_defaults() -> None:
    settings = load({})
    assert {name: getattr(settings, name) for name in NAMES} == DEFAULTS


@pytest.mark.parametrize(("name", "text", "value"), GOOD)
def test_good_values(name: str, text: str, value: Any) -> None:
    found = getattr(load({variable(name): text}), name)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("name", "text", "words"), BAD)
def test_bad_values(name: str, text: str, words: str) -> None:
    (mistake,) = mistakes({variable(name): text})
    assert mistake.startswith(f"{variable(name)}: ")
    assert words in mistake
    assert len(mistake) < 200
    assert "s3cret" not in mistake


def test_every_setting_has_good_and_bad_values() -> None:
    assert {name for name, _, _ in BAD} == set(NAMES)
    assert {name for name, _, _ in GOOD} >= set(NAMES) - {"config", "engine_preset"}


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[31m", "a\x7f", "a\udcff"])
@pytest.mark.parametrize(
    "name", [n for n in NAMES if n not in ("config", "engine_preset", "engine_command")]
)
def test_what_cannot_be_printed_is_refused(name: str, text: str) -> None:
    for mistake in mistakes({variable(name): text}):
        assert mistake.startswith(variable(name)) and mistake.isprintable()


def test_all_mistakes_come_at_once_one_line_each() -> None:
    wrong = {name: text for name, text, _ in reversed(BAD)}
    found = mistakes({variable(name): text for name, text in wrong.items()} | {"SIDECAR_X\n": "1"})
    assert {line.split(":")[0] for line in found} == {variable(n) for n in NAMES} | {"SIDECAR_X\\n"}
    assert all(line.isprintable() for line in found)


def test_a_check_of_two_settings_is_made_beside_the_mistakes_of_others() -> None:
    found = mistakes({"SIDECAR_DRAIN_SECONDS": "2", "SIDECAR_PORT": "x"})
    assert [line.split(":")[0] for line in found] == [
        "SIDECAR_PORT",
        "SIDECAR_LAME_DUCK_SECONDS (default)",
    ]


def test_the_engine_may_share_our_port_number_on_another_address() -> None:
    load({"SIDECAR_HOST": "10.0.0.1", "SIDECAR_ENGINE_URL": "http://127.0.0.1:8080"})
    load({"SIDECAR_ENGINE_URL": "http://10.0.0.9:8080"})


def test_it_is_frozen() -> None:
    settings = load({})
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1


def test_random_values_are_taken_or_refused_never_worse() -> None:
    random_ = random.Random(7)
    for _ in range(3000):
        name = random_.choice([n for n in NAMES if n != "config"])
        text = "".join(
            random_.choices("019.:/-[]@,mshdKMiB \t\x00é%#?unixhttp", k=random_.randint(1, 12))
        )
        try:
            load({variable(name): text})
        except ConfigurationError as error:
            assert all(m.startswith("SIDECAR_") and m.isprintable() for m in error.mistakes)
