"""Run a job for each row of a folder of Parquet files, on Dask: on_dask.py SOURCE TARGET"""

import os
import sys
from pathlib import Path

from dask.distributed import Client, LocalCluster, Worker, WorkerPlugin, as_completed, get_worker
from partitions import run_partition

from runpod_sdk import Runpod

WORKERS = 2
IN_FLIGHT = 100  # jobs at a time, of all workers together


class Runpods(WorkerPlugin):
    """A client in each worker process, which finds the key in the environment of that process."""

    name = "runpod"

    def setup(self, worker: Worker) -> None:
        self.client = Runpod()

    def teardown(self, worker: Worker) -> None:
        if hasattr(self, "client"):  # else there was no key, which setup has said
            self.client.close()


def run(endpoint_id: str, source: Path, target: Path) -> list[str]:
    """Run a partition, as a task in a worker."""
    client: Runpod = get_worker().plugins[Runpods.name].client
    return run_partition(client.endpoint(endpoint_id), source, target, IN_FLIGHT // WORKERS)


def main(source: Path, target: Path) -> int:
    target.mkdir(exist_ok=True)
    files = sorted(source.glob("*.parquet"))
    targets = [target / file.name for file in files]
    ids = [os.environ["ENDPOINT_ID"]] * len(files)
    local = LocalCluster(
        n_workers=WORKERS,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    )
    with local as cluster, Client(cluster) as dask:  # or Client("tcp://scheduler:8786")
        dask.register_plugin(Runpods())
        left: list[str] = []
        for task in as_completed(dask.map(run, ids, files, targets, pure=False)):
            error = task.exception()
            left += [str(error)] if error else task.result()
    print("\n".join([*left, f"{len(files)} partitions, {len(left)} inputs or partitions left"]))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
