"""Durable enqueues, and pipelines of three steps, of peers on the same PostgreSQL.

    peer.py procrastinate|dbos|pgqueuer URL enqueue COUNT
    peer.py procrastinate|dbos|pgqueuer URL work COUNT     (enqueue before; prints how many of
        the third steps it did, when its first step began and when the last third one ended)
"""
import asyncio
import sys
import time

CALLERS = 64
TEXT = "a small payload of a webhook"


async def spread(count, call):
    """Calls from 64 callers at once; returns calls a second."""
    async def caller(number):
        for job in range(number, count, CALLERS):
            await call(job)

    begin = time.monotonic()
    await asyncio.gather(*(caller(number) for number in range(CALLERS)))
    return count / (time.monotonic() - begin)


def procrastinate_app(url):
    import procrastinate
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, min_size=8, max_size=8))
    begun, ended = [], []

    @app.task(name="one")
    async def one(text):
        begun.append(time.time())
        await app.configure_task("two").defer_async(text=text)

    @app.task(name="two")
    async def two(text):
        await app.configure_task("three").defer_async(text=text)

    @app.task(name="three")
    async def three(text):
        ended.append(time.time())

    return app, one, begun, ended


async def procrastinate_enqueue(url, count):
    app, one, _, _ = procrastinate_app(url)
    async with app.open_async():
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
        return await spread(count, lambda job: one.configure(queueing_lock=f"job-{time.time_ns()}-{job}").defer_async(text=TEXT))


async def procrastinate_work(url, count):
    app, _, begun, ended = procrastinate_app(url)
    async with app.open_async():
        async with asyncio.TaskGroup() as group:
            work = group.create_task(app.run_worker_async(concurrency=32, wait=False, install_signal_handlers=False))
            await work
    return begun, ended


def dbos_setup(url, listens=True):
    from dbos import DBOS, DBOSConfig
    config = DBOSConfig(
        name="benchmark", system_database_url=url, run_admin_server=False, log_level="ERROR", application_version="1")
    DBOS(config=config)
    begun, ended = [], []

    @DBOS.step()
    def nothing(text):
        return text

    @DBOS.workflow()
    def three(text):
        begun.append(time.time())
        text = nothing(nothing(nothing(text)))
        ended.append(time.time())
        return text

    return DBOS, begun, ended


async def dbos_enqueue(url, count):
    from dbos import DBOSClient
    DBOS, _, _ = dbos_setup(url)
    DBOS.launch()
    await DBOS.register_queue_async("benchmark")
    client = DBOSClient(system_database_url=url, system_database_pool_size=8)
    options = {"queue_name": "benchmark", "workflow_name": "dbos_setup.<locals>.three", "app_version": "1"}
    rate = await spread(count, lambda job: client.enqueue_async(options, TEXT))
    client.destroy()
    DBOS.destroy()
    return rate


async def dbos_work(url, count):
    DBOS, begun, ended = dbos_setup(url)
    DBOS.launch()
    await DBOS.register_queue_async("benchmark")
    last = (0, time.monotonic())
    # Another worker may have the rest.
    while len(ended) < count and time.monotonic() - last[1] < 5:
        if len(ended) > last[0]:
            last = (len(ended), time.monotonic())
        await asyncio.sleep(0.02)
    DBOS.destroy()
    return begun, ended


def pgqueuer_pool(url):
    import asyncpg
    folder = url.split("host=")[1]
    database = url.split("/")[3].split("?")[0]
    return asyncpg.create_pool(host=folder, user="runnel", database=database, min_size=8, max_size=8)


async def pgqueuer_enqueue(url, count):
    import asyncpg
    from pgqueuer.db import AsyncpgPoolDriver
    from pgqueuer.queries import Queries
    async with pgqueuer_pool(url) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))
        try:
            await queries.install()
        except asyncpg.DuplicateObjectError:
            pass
        return await spread(
            count, lambda job: queries.enqueue("one", TEXT.encode(), dedupe_key=f"{time.time_ns()}-{job}"))


async def pgqueuer_work(url, count):
    from pgqueuer import PgQueuer
    from pgqueuer.types import QueueExecutionMode
    async with pgqueuer_pool(url) as pool:
        worker = PgQueuer.from_asyncpg_pool(pool)
        begun, ended = [], []

        @worker.entrypoint("one")
        async def one(job):
            begun.append(time.time())
            await worker.queries.enqueue("two", job.payload)

        @worker.entrypoint("two")
        async def two(job):
            await worker.queries.enqueue("three", job.payload)

        @worker.entrypoint("three")
        async def three(job):
            ended.append(time.time())

        await worker.run(batch_size=32, mode=QueueExecutionMode.drain)
    return begun, ended


def main():
    name, url, what, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    result = asyncio.run(globals()[f"{name}_{what}"](url, count))
    if what == "enqueue":
        print(f"{name} {result:.0f}")
    elif all(result):
        begun, ended = result
        print(f"{len(ended)} {min(begun)} {max(ended)}")


main()
