"""Which source of a setting wins, which names are known, and how their mistakes are told."""

from pathlib import Path

import pytest

from sidecar.config import ConfigurationError, effective, load
from sidecar.config.sources import ALIASES, variable


def mistakes(environ: dict[str, str], flags: dict[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as error:
        load(environ, flags or {})
    return error.value.mistakes


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sidecar.toml"


def test_flag_over_environment_over_file_over_default(file: Path) -> None:
    file.write_text('port = 3\nhost = "127.0.0.3"\nlog_level = "debug"\n')
    environ = {"SIDECAR_CONFIG": str(file), "SIDECAR_PORT": "2", "SIDECAR_HOST": "127.0.0.2"}
    settings = load(environ, {"port": "1"})
    assert (settings.port, settings.host, settings.log_level) == (1, "127.0.0.2", "debug")
    assert settings.config == file
    assert [settings.given(n).origin for n in ("port", "host", "log_level", "store")] == [
        "flag --port", "environment", f"file {file}", "default",
    ]  # fmt: skip


def test_the_flag_config_wins_over_the_variable(file: Path) -> None:
    file.write_text("port = 3")
    assert load({"SIDECAR_CONFIG": "/nowhere"}, {"config": str(file)}).port == 3


@pytest.mark.parametrize("empty", ["", "  "])
def test_empty_is_not_set(file: Path, empty: str) -> None:
    file.write_text(f'port = 3\nhost = "{empty}"')
    environ = {"SIDECAR_CONFIG": str(file), "SIDECAR_PORT": empty, "SAGEMAKER_BIND_TO_PORT": empty}
    settings = load(environ | {"SIDECAR_UNKNOWN": empty}, {"port": empty})
    assert (settings.port, settings.host) == (3, "0.0.0.0")


def test_the_types_of_toml(file: Path) -> None:
    file.write_text('sessions = false\nsessions_ttl = 90\nhead_timeout = 0.5\nadmin_port = "off"')
    settings = load({"SIDECAR_CONFIG": str(file)})
    assert (settings.sessions, settings.sessions_ttl) == (False, 90.0)
    assert (settings.head_timeout, settings.admin_port) == (0.5, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port = ", "SIDECAR_CONFIG: FILE is not a TOML file (Invalid value"),
        ("prt = 1", "prt (file FILE): there is no such setting; did you mean port?"),
        ("SIDECAR_PORT = 1", "there is no such setting; did you mean port?"),
        ("zzzz = 1", "there is no such setting; remove it"),
        ('zzzz = ""', "there is no such setting; remove it"),
        ("[port]", "port (file FILE): is a dict; write a string or a number"),
        ("port = [1]", "port (file FILE): is a list; write a string or a number"),
        ("port = 1979-05-27", "port (file FILE): is a date; write a string or a number"),
        ("port = 70000", "SIDECAR_PORT (file FILE): "),
        ('config = "x"', "config (file FILE): a file cannot name another file; remove it"),
        ('host = """a\nb"""', "SIDECAR_HOST (file FILE): holds a control character"),
        ('"a\\nb" = 1', "a\\nb (file FILE): there is no such setting"),
    ],
)
def test_mistakes_in_the_file(file: Path, text: str, words: str) -> None:
    file.write_text(text)
    (mistake,) = mistakes({"SIDECAR_CONFIG": str(file)})
    assert words.replace("FILE", str(file)) in mistake
    assert mistake.isprintable()


def test_a_file_that_is_a_directory_or_no_text(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    assert "(Is a directory)" in mistakes({"SIDECAR_CONFIG": str(tmp_path)})[0]
    assert "is not a TOML file" in mistakes({"SIDECAR_CONFIG": str(tmp_path / "bytes")})[0]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SIDECAR_ENGINE_URI", "did you mean SIDECAR_ENGINE_URL?"),
        ("SIDECAR_SESSION_TTL", "did you mean SIDECAR_SESSIONS_TTL?"),
        ("SIDECAR_port", "did you mean SIDECAR_PORT?"),
        ("SIDECAR_QQQQQ", "remove it"),
        ("SIDECAR_", "remove it"),
    ],
)
def test_unknown_variables(name: str, words: str) -> None:
    (mistake,) = mistakes({name: "1"})
    assert mistake.startswith(f"{name}: there is no such setting; ") and words in mistake


def test_names_of_others_are_let_be() -> None:
    load({"SIDECAR_PRESET_MINE": "x", "SIDECARS": "x", "sidecar_port": "x", "SAGEMAKER_X": "x"})


def test_a_mistake_in_a_flag_names_the_flag() -> None:
    (mistake,) = mistakes({}, {"admin_port": "x"})
    assert mistake.startswith("SIDECAR_ADMIN_PORT (flag --admin-port): ")


# The platform's names

ALIASED = {
    "port": ("7000", 7000),
    "engine_restart": ("false", False),
    "engine_restarts_max": ("7", 7),
    "sessions": ("false", False),
    "sessions_path": ("/mnt/s", Path("/mnt/s")),
    "sessions_ttl": ("60", 60.0),
    "log_level": ("30", "warning"),
    "create_session_defaults": ('{"body.capacity": 1024}', {"body.capacity": 1024}),
    "close_session_defaults": ('{"body.force": false}', {"body.force": False}),
}


@pytest.mark.parametrize("name", ALIASES)
def test_an_alias_counts_and_is_told(name: str, file: Path) -> None:
    text, value = ALIASED[name]
    file.write_text('port = 1\nsessions = true\nsessions_path = "/x"\nsessions_ttl = 9\n')
    settings = load({ALIASES[name]: text, "SIDECAR_CONFIG": str(file)})
    assert getattr(settings, name) == value
    assert settings.given(name).origin == f"environment {ALIASES[name]}"
    assert settings.aliases() == {ALIASES[name]: name}


@pytest.mark.parametrize("name", ALIASES)
def test_the_own_name_wins_over_the_alias(name: str) -> None:
    settings = load({ALIASES[name]: "nonsense", variable(name): ALIASED[name][0]})
    assert getattr(settings, name) == ALIASED[name][1]
    assert settings.aliases() == {}


def test_a_mistake_in_an_alias_names_the_alias() -> None:
    (mistake,) = mistakes({"SAGEMAKER_BIND_TO_PORT": "x"})
    assert mistake.startswith("SIDECAR_PORT (environment SAGEMAKER_BIND_TO_PORT): ")


@pytest.mark.parametrize(
    ("environ", "port"),
    [
        ({}, 7000),
        ({"SIDECAR_PORT": "7000"}, 7001),
        ({"SAGEMAKER_BIND_TO_PORT": "7000", "SIDECAR_ENGINE_URL": "http://127.0.0.1:7001"}, 7002),
        ({"SIDECAR_ADMIN_PORT": "9000"}, 9000),
        ({"SIDECAR_ADMIN_PORT": "off"}, None),
    ],
)
def test_the_admin_port_is_taken_from_the_safe_range(
    environ: dict[str, str], port: int | None
) -> None:
    settings = load(environ | {"SAGEMAKER_SAFE_PORT_RANGE": "7000-7002"})
    assert settings.admin_port == port
    chosen = "SIDECAR_ADMIN_PORT" not in environ
    assert ("SAGEMAKER_SAFE_PORT_RANGE" in settings.aliases()) is chosen


@pytest.mark.parametrize(
    ("environ", "engine", "admin"),
    [
        ({}, 7000, 7001),
        ({"SIDECAR_PORT": "7000"}, 7001, 7002),
        ({"SIDECAR_ADMIN_PORT": "7000"}, 7001, 7000),
        ({"SIDECAR_ENGINE_URL": "http://127.0.0.1:9000"}, 9000, 7000),
    ],
)
def test_the_engine_s_port_too_where_its_command_asks_for_it(
    environ: dict[str, str], engine: int, admin: int
) -> None:
    command = {"SIDECAR_ENGINE_COMMAND": "vllm serve m --port {port}"}
    settings = load(environ | command | {"SAGEMAKER_SAFE_PORT_RANGE": "7000-7002"})
    assert (settings.engine_url[0].port, settings.admin_port) == (engine, admin)


def test_an_engine_that_has_its_own_port_keeps_it() -> None:
    environ = {"SIDECAR_ENGINE_COMMAND": "vllm serve m", "SAGEMAKER_SAFE_PORT_RANGE": "7000-7002"}
    assert load(environ).engine_url[0].port == 8000


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"SIDECAR_ENGINE_URL": "http://a:1,http://b:1"}, "one engine is started, and"),
        ({"SIDECAR_ENGINE_URL": "unix:/run/e.sock"}, "is a socket and has no port"),
    ],
)
def test_an_address_that_does_not_fit_the_command(environ: dict[str, str], words: str) -> None:
    (mistake,) = mistakes(environ | {"SIDECAR_ENGINE_COMMAND": "vllm serve m --port {port}"})
    assert mistake.startswith("SIDECAR_ENGINE_COMMAND: ") and words in mistake


def test_arguments_of_the_engine_are_not_shown() -> None:
    """People give keys there."""
    settings = load({}, {"engine_command": "vllm serve m --api-key s3cret"})
    assert settings.shown("engine_command") == "vllm (4 arguments)"
    assert "s3cret" not in effective(settings)


@pytest.mark.parametrize("text", ["7000", "7001-7000", "0-9", "1-70000", "a-b", "1-2-3"])
def test_a_range_that_is_none(text: str) -> None:
    (mistake,) = mistakes({"SAGEMAKER_SAFE_PORT_RANGE": text})
    assert mistake.startswith(f'SAGEMAKER_SAFE_PORT_RANGE: "{text}" is not a range of ports; write')


def test_a_range_without_a_port_for_us() -> None:
    (mistake,) = mistakes({"SAGEMAKER_SAFE_PORT_RANGE": "8080-8080"})
    assert "has no port left for the admin listener; set SIDECAR_ADMIN_PORT=off" in mistake


def test_a_range_beside_another_mistake_hides_none() -> None:
    found = mistakes({"SAGEMAKER_SAFE_PORT_RANGE": "x", "SIDECAR_PORT": "y"})
    assert [line.split(":")[0] for line in found] == ["SAGEMAKER_SAFE_PORT_RANGE", "SIDECAR_PORT"]
