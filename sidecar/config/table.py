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
    rows = [
        (variable(name), settings.shown(name), settings.given(name).origin)
        for name in Settings.model_fields
    ]
    names, texts = (max(len(row[column]) for row in rows) for column in (0, 1))
    return "\n".join(f"{name:{names}}  {text:{texts}}  {origin}" for name, text, origin in rows)
