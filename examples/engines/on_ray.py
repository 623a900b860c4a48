"""Run a job for each row of a folder of Parquet files, on Ray Data: on_ray.py SOURCE TARGET"""

import os
import sys
from pathlib import Path

import ray.data
from partitions import run_partition

from runpod_sdk import Runpod, RunpodError

WORKERS = 2
IN_FLIGHT = 100  # jobs at a time, of all workers together


class Partitions:
    """What runs partitions in an actor: a process with a client, and a key, of its own."""

    def __init__(self) -> None:
        self.endpoint = Runpod().endpoint(os.environ["ENDPOINT_ID"])

    def __call__(self, partition: dict[str, str]) -> dict[str, list[str]]:
        source, target = Path(partition["source"]), Path(partition["target"])
        try:
            left = run_partition(self.endpoint, source, target, IN_FLIGHT // WORKERS)
        except RunpodError as error:  # such as a journal that is in use
            left = [str(error)]
        return {"left": left}


def main(source: Path, target: Path) -> int:
    target.mkdir(exist_ok=True)
    files = sorted(source.resolve().glob("*.parquet"))
    partitions = [
        {"source": str(file), "target": str(target.resolve() / file.name)} for file in files
    ]
    ray.init(include_dashboard=False)  # or ray.init("ray://head:10001")
    done = ray.data.from_items(partitions, override_num_blocks=len(files)).map(
        Partitions, compute=ray.data.ActorPoolStrategy(size=WORKERS), num_cpus=1
    )
    left = [line for row in done.iter_rows() for line in row["left"]]
    ray.shutdown()
    print("\n".join([*left, f"{len(files)} partitions, {len(left)} inputs or partitions left"]))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
