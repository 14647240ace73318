"""Makes `from bedrock_agentcore.context import RequestContext` work, with two properties more.

Imported at each start of Python (agentcore_names.pth), so it does nothing until an agent asks for
that module, and nothing at all where the SDK itself has one.
"""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_NAME = "bedrock_agentcore.context"
_HEADER = "x-amzn-bedrock-agentcore-runtime-custom-"


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, _Loader()) if fullname == _NAME else None


class _Loader(Loader):
    def exec_module(self, module: ModuleType) -> None:
        """The SDK's own class, under the other name too; headers are what the sidecar sends."""
        from bedrock_agentcore.runtime.context import RequestContext

        for name in ("actor_id", "memory_id"):
            if not hasattr(RequestContext, name):
                setattr(RequestContext, name, _from_header(name.replace("_", "-")))
        module.__dict__["RequestContext"] = RequestContext


def _from_header(name: str) -> property:
    def read(context: Any) -> str | None:
        headers: dict[str, str] = context.request_headers or {}
        return headers.get(_HEADER + name)

    return property(read)


# The last one: it is asked only for what nobody else has found.
sys.meta_path.append(_Finder())
