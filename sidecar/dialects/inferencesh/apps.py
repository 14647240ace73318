"""Which route of the engine an app is: by configuration, else the default one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sidecar.config.apps import App
from sidecar.dialects.inferencesh.errors import BadCall, NoSuchApp

_REF: Final = re.compile(r"([^@:]+)(?:@([^:]*))?(?::(.*))?")
_FUNCTION: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, slots=True)
class Ref:
    """`name@version:function`, as clients write it."""

    name: str
    version: str
    function: str | None

    @property
    def shown(self) -> str:
        return f"{self.name}@{self.version}" if self.version else self.name


class Apps:
    """default: of apps that are not configured; None: there is none."""

    def __init__(self, apps: Mapping[str, App], default: App | None) -> None:
        self._apps = apps
        self._default = default

    def find(self, ref: Ref) -> App:
        app = self._apps.get(ref.name, self._default)
        if app is None:
            raise NoSuchApp(ref.name)
        return app

    def path(self, app: App, function: str) -> str:
        if not _FUNCTION.fullmatch(function):
            raise BadCall("function must be a name of letters, digits, - and _")
        return app.functions.get(function) or app.path.replace("{function}", function)


def ref_of(text: str) -> Ref:
    found = _REF.fullmatch(text)
    if found is None:
        raise BadCall("app must be a name, as in my-app or my-app@version")
    return Ref(found[1], found[2] or "", found[3] or None)
