"""Run a job for each row of a folder of Parquet files, on Dask: on_dask.py SOURCE TARGET"""

import os
import sys
from dataclasses import astuple

from dask.distributed import Client, LocalCluster, Worker, WorkerPlugin, as_completed, get_worker
from partitions import new_client, partitions_of, run_partition
from progress import Progress, Totals

WORKERS = int(os.environ.get("WORKERS", "2"))
IN_FLIGHT = int(os.environ.get("IN_FLIGHT", "100"))  # jobs at a time, of all workers together


class Runpods(WorkerPlugin):
    """A client in each worker process, which finds the key in the environment of that process."""

    name = "runpod"

    def setup(self, worker: Worker) -> None:
        self.client = new_client()

    def teardown(self, worker: Worker) -> None:
        if hasattr(self, "client"):  # else there was no key, which setup has said
            self.client.close()


def run(endpoint_id: str, source: str, target: str) -> list[str]:
    """Run a partition, as a task in a worker."""
    worker = get_worker()
    endpoint = worker.plugins[Runpods.name].client.endpoint(endpoint_id)

    def report(progress: Progress) -> None:
        worker.log_event("progress", astuple(progress))

    return run_partition(endpoint, source, target, IN_FLIGHT // WORKERS, report=report)


def main(source: str, target: str) -> int:
    sources, targets, rows = partitions_of(source, target)
    totals = Totals(rows)
    local = LocalCluster(
        n_workers=WORKERS,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    )
    with local as cluster, Client(cluster) as dask:  # or Client("tcp://scheduler:8786")
        dask.register_plugin(Runpods())
        dask.subscribe_topic("progress", lambda event: print(totals.update(Progress(*event[1]))))
        ids = [os.environ["ENDPOINT_ID"]] * len(sources)
        left: list[str] = []
        for task in as_completed(dask.map(run, ids, sources, targets, pure=False)):
            error = task.exception()
            left += [str(error)] if error else task.result()
    print("\n".join([*left, f"{len(sources)} partitions, {len(left)} inputs or partitions left"]))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
