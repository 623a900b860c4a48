"""Run a job for each row of a folder of Parquet files, on Ray Data: on_ray.py SOURCE TARGET"""

import os
import sys
from typing import Any

import ray.data
from partitions import new_client, partitions_of, run_partition
from progress import Progress, Totals

from runpod_sdk import RunpodError

WORKERS = int(os.environ.get("WORKERS", "2"))
IN_FLIGHT = int(os.environ.get("IN_FLIGHT", "100"))  # jobs at a time, of all workers together


class Reports:
    """The sum of what the workers report, in an actor; Ray prints its lines in the program."""

    def __init__(self, rows: int) -> None:
        self.totals = Totals(rows)

    def update(self, progress: Progress) -> None:
        print(self.totals.update(progress))


class Partitions:
    """What runs partitions in an actor: a process with a client, and a key, of its own."""

    def __init__(self, reports: Any) -> None:
        self.endpoint = new_client().endpoint(os.environ["ENDPOINT_ID"])
        self.reports = reports

    def __call__(self, partition: dict[str, str]) -> dict[str, list[str]]:
        source, target = partition["source"], partition["target"]
        report = self.reports.update.remote
        try:
            left = run_partition(self.endpoint, source, target, IN_FLIGHT // WORKERS, report=report)
        except RunpodError as error:  # such as a journal that is in use
            left = [str(error)]
        return {"left": left}


def main(source: str, target: str) -> int:
    sources, targets, rows = partitions_of(os.path.abspath(source), os.path.abspath(target))
    partitions = [
        {"source": source, "target": target}
        for source, target in zip(sources, targets, strict=True)
    ]
    ray.init(include_dashboard=False)  # or ray.init("ray://head:10001")
    reports: Any = ray.remote(num_cpus=0)(Reports)
    done = ray.data.from_items(partitions, override_num_blocks=len(partitions)).map(
        Partitions,
        fn_constructor_args=[reports.remote(rows)],
        compute=ray.data.ActorPoolStrategy(size=WORKERS),
        num_cpus=0.25,
    )
    left = [line for row in done.iter_rows() for line in row["left"]]
    ray.shutdown()
    print("\n".join([*left, f"{len(sources)} partitions, {len(left)} inputs or partitions left"]))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
