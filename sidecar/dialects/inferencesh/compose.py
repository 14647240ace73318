"""The inference.sh dialect of one configuration, put together."""

from sidecar.config import Settings
from sidecar.config.apps import App
from sidecar.dialects.inferencesh.api import Api
from sidecar.dialects.inferencesh.apps import Apps
from sidecar.dialects.inferencesh.chat import Chat
from sidecar.dialects.inferencesh.dialect import InferenceSh
from sidecar.dialects.inferencesh.files import Files
from sidecar.dialects.inferencesh.line import Line
from sidecar.dialects.inferencesh.running import Runner
from sidecar.dialects.inferencesh.sessions import AppSessions, was
from sidecar.dialects.inferencesh.tasks import Tasks
from sidecar.engine.replicas import Replicas
from sidecar.sessions.order import Order
from sidecar.sessions.store import Store


def make_inferencesh(
    settings: Settings, store: Store, replicas: Replicas
) -> tuple[InferenceSh, Tasks]:
    """And the tasks that run behind it."""
    limit, file_limit = settings.body_limit, settings.inferencesh_file_limit
    within = settings.engine_response_timeout
    tasks, sessions = Tasks(store), AppSessions(store, replicas)
    line = Line(store, Order(store, settings.session_queue), was, tasks.waits)
    files = Files(store, file_limit)
    runner = Runner(
        tasks,
        sessions,
        replicas,
        line,
        files,
        Chat(store, limit, within),
        header=settings.session_header,
        end_on=settings.inferencesh_end_on or {},
        limit=limit,
        within=within,
    )
    path = settings.inferencesh_default_path
    apps = Apps(settings.inferencesh_apps, App(path) if path is not None else None)
    timeout = int(settings.inferencesh_timeout)
    api = Api(apps, tasks, sessions, runner, line, files, timeout=timeout)
    return InferenceSh(api, max(limit, file_limit)), tasks
