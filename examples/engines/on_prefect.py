"""Run a job for each row of a folder of Parquet files, as a flow: on_prefect.py SOURCE TARGET"""

import os
import sys

from partitions import new_client, partitions_of, run_partition
from prefect import flow, get_run_logger, task
from prefect.task_runners import ThreadPoolTaskRunner
from progress import Totals

from runpod_sdk import Runpod

PARTITIONS = int(os.environ.get("WORKERS", "2"))  # at a time
IN_FLIGHT = int(os.environ.get("IN_FLIGHT", "100"))  # jobs at a time, of all partitions together


@task(retries=2, retry_delay_seconds=10)
def run(client: Runpod, source: str, target: str, totals: Totals) -> list[str]:
    """Run a partition, in a thread; all threads share the client and its rate limits."""
    log = get_run_logger()
    return run_partition(
        client.endpoint(os.environ["ENDPOINT_ID"]),
        source,
        target,
        IN_FLIGHT // PARTITIONS,
        report=lambda progress: log.info(totals.update(progress)),
    )


@flow(task_runner=ThreadPoolTaskRunner(max_workers=PARTITIONS))
def run_batch(source: str, target: str) -> int:
    """Run all partitions; a flow that crashed resumes with its next run."""
    sources, targets, rows = partitions_of(source, target)
    totals = Totals(rows)
    left: list[str] = []
    with new_client() as client:
        runs = [run.submit(client, *paths, totals) for paths in zip(sources, targets, strict=True)]
        for one in runs:
            found = one.result(raise_on_failure=False)
            left += [str(found)] if isinstance(found, Exception) else found
    print("\n".join([*left, f"{len(sources)} partitions, {len(left)} inputs or partitions left"]))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(run_batch(*sys.argv[1:]))  # or run_batch.serve(cron="0 3 * * *")
