"""The process in front of several workers: it starts them and has the admin port."""

import asyncio
import logging
from functools import reduce

from sidecar.admin.server import start_admin
from sidecar.engine.keeper import StoreKeeper
from sidecar.engine.rounds import watching
from sidecar.ops.figures import Figures, Nobody, added, figures
from sidecar.ops.log import LOG, write_event
from sidecar.ops.replicas import replica_figures
from sidecar.ops.tally import Tally
from sidecar.parts import Process, cannot_listen, make_replicas, make_vocabulary
from sidecar.sessions.tmpfs import TmpfsStore
from sidecar.workers import Workers, reserve

logger = logging.getLogger("sidecar")


class Manager(Process):
    async def _serve(self, store: TmpfsStore) -> int:
        settings = self._settings
        replicas = make_replicas(settings, make_vocabulary(settings))
        keeper = StoreKeeper(store, settings.sessions_ttl, pins=replicas.several)
        watches = watching(replicas, store, settings.engine_health_path)
        tasks = [asyncio.create_task(watch) for watch in watches]
        try:
            holder = reserve(settings.host, settings.port)
        except OSError as error:
            return cannot_listen("SIDECAR_PORT", error)
        port = holder.getsockname()[1]
        workers = Workers(settings.model_copy(update={"port": port}))

        async def gather() -> Figures:
            own = figures(Tally(), Nobody(), store, LOG.lines)
            own["replicas"] = replica_figures(replicas)
            return reduce(added, await workers.figures(), own)

        try:
            admin = await start_admin(settings, replicas, store, keeper, self._life, gather)
        except OSError as error:
            return cannot_listen("SIDECAR_ADMIN_PORT", error)
        with holder:
            code = await self._work(workers, port)
        if admin is not None:
            await admin.cleanup()
        for task in tasks:
            task.cancel()
        replicas.close()
        return code

    async def _work(self, workers: Workers, port: int) -> int:
        if not await workers.start():
            return 1
        address = f"{self._settings.host}:{port}"
        write_event("listening", listener="data", address=address, workers=self._settings.workers)
        await self._drain.asked()
        self._life.draining = True
        return await workers.stop(self._drain.hurried)
