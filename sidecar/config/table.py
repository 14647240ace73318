"""The settings as text for people: the README's table, and the answer of the `config` command."""

from sidecar.config.settings import Settings
from sidecar.config.sources import ALIASES, variable


def settings_table() -> str:
    """Markdown, one row per setting; the README holds it between its `settings` markers."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "none" if field.default is None else f"`{field.default}`"
        alias = f" (alias `{ALIASES[name]}`)" if name in ALIASES else ""
        rows.append(f"| `{variable(name)}` | {default} | {field.description}{alias} |")
    return "\n".join(rows)


def effective(settings: Settings) -> str:
    """One line per setting: its value as it was written, and where that came from."""
    rows = [(variable(name), settings.given(name)) for name in Settings.model_fields]
    names = max(len(name) for name, _ in rows)
    texts = max(len(given.text) for _, given in rows)
    return "\n".join(f"{n:{names}}  {given.text:{texts}}  {given.origin}" for n, given in rows)
