"""The process in front of several workers: it starts them and has the admin port."""

import asyncio
import logging
from functools import reduce

from sidecar.admin.server import start_admin
from sidecar.engine.replicas import Replicas
from sidecar.engine.rounds import watching
from sidecar.keeping import Keeping
from sidecar.ops.figures import Figures, Nobody, added, figures
from sidecar.ops.log import LOG, write_event
from sidecar.ops.replicas import replica_figures
from sidecar.ops.tally import Tally
from sidecar.parts import Process, cannot_listen
from sidecar.sessions.store import Store
from sidecar.supervisor.supervision import kept_for_engine
from sidecar.workers import Workers, reserve

logger = logging.getLogger("sidecar")


class Manager(Process):
    async def _serve(self, store: Store, replicas: Replicas, keeping: Keeping) -> int:
        settings = self._settings
        watches = watching(replicas, [store], settings.engine_health_path)
        tasks = [asyncio.create_task(watch) for watch in watches]
        try:
            holder = reserve(settings.host, settings.port)
        except OSError as error:
            return cannot_listen("SIDECAR_PORT", error)
        port = holder.getsockname()[1]
        drain = settings.drain_seconds - kept_for_engine(settings)
        theirs = {"port": port, "engine_command": None, "drain_seconds": drain}
        workers = Workers(settings.model_copy(update=theirs))

        async def gather() -> Figures:
            own = figures(Tally(), Nobody(), store, LOG.lines, self._restarts())
            own["replicas"] = replica_figures(replicas)
            return reduce(added, await workers.figures(), own)

        try:
            admin = await start_admin(
                settings, replicas, store, keeping.keeper, self._life, gather, self._drain.begin
            )
        except OSError as error:
            return cannot_listen("SIDECAR_ADMIN_PORT", error)
        with holder:
            code = await self._work(workers, port, replicas, store)
        if admin is not None:
            await admin.cleanup()
        for task in tasks:
            task.cancel()
        return code

    async def _work(self, workers: Workers, port: int, replicas: Replicas, store: Store) -> int:
        if not await workers.start():
            return 1
        address = f"{self._settings.host}:{port}"
        write_event("listening", listener="data", address=address, workers=self._settings.workers)
        self._start_engine(replicas, store)
        await self._drain.asked()
        self._life.draining = True
        code = await workers.stop(self._drain.hurried)
        return await self._stop_engine() or code
