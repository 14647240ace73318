"""Every setting: its name, type, default and meaning, in this file and the one it builds on.

The field `port` is the variable SIDECAR_PORT and the TOML key `port`. A default is written as a
user would write it and takes the same way in. The README's table is made from these fields.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import PrivateAttr

from sidecar.config import apps, chat, memories, names, values
from sidecar.config.declare import Size, Switch, Text, parsed, setting
from sidecar.config.preset import defaults
from sidecar.config.proxy import ProxySettings
from sidecar.config.sources import PRESET, Given


class Settings(ProxySettings):
    """And those of conversations, presets and the other contracts."""

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
