"""What the measurements of all rounds say: ratios, with their medians and spread, and bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.figure import Figure, Measured, Of, Rounds, at_least, at_most, exactly
from benchmarks.runs import OURS


def figures(rounds: Rounds) -> list[Figure]:
    """Make the table of all rounds."""

    def each(of: Of) -> list[float]:
        return [of(one) for one in rounds if _has(of, one)]

    made = [
        Figure(
            "`import runpod_sdk`: CPU time",
            each(lambda r: 1e3 * (r["import"]["ours"]["cpu"] - r["import"]["bare"]["cpu"])),
            **at_most(15),
            unit=" ms",
        ),
        Figure(
            "`import runpod`: CPU time",
            each(lambda r: 1e3 * (r["import"]["official"]["cpu"] - r["import"]["bare"]["cpu"])),
            unit=" ms",
        ),
    ]
    for kind in (", sync", ""):
        made.append(
            Figure(
                f"import and first client{kind or ', async'}: runpod_sdk / httpx (CPU)",
                each(over("first client", f"ours{kind}", f"httpx{kind}", "cpu")),
                **at_most(0.7),
            )
        )
        made.append(
            Figure(
                f"process start to first result{kind or ', async'}: runpod_sdk / httpx (CPU)",
                each(over("first result", f"ours{kind}", f"httpx{kind}", "cpu")),
                **at_most(0.7),
            )
        )
    for client, most in STATUS.items():
        plain = "httpx, sync" if client.endswith("sync") else "httpx"
        for what in ("wall", "cpu"):
            made.append(
                Figure(
                    f"`status()`: {named(client)} / {named(plain)} ({_NAMES[what]})",
                    each(over("status", client, plain, what)),
                    **at_most(most),
                )
            )
    for client in ("ours, sync", "ours", "ours, aiohttp", "official, sync", "official, JavaScript"):
        plain = "httpx, sync" if client.endswith("sync") else "httpx"
        bounds = (at_most(1), at_most(5)) if client.startswith("ours") else ({}, {})
        for place, name, bound in ((0.5, "median", bounds[0]), (0.95, "p95", bounds[1])):
            made.append(
                Figure(
                    f"delay from a job's end to its result: {named(client)} − httpx ({name})",
                    each(less("latency", client, plain, place)),
                    unit=" ms",
                    **bound,
                )
            )
    for client in ("ours, sync", "ours", "ours, aiohttp", "official, sync", "official, JavaScript"):
        plain = "httpx, sync" if client.endswith("sync") else "httpx"
        made.append(
            Figure(
                f"delay of a stream's chunk: {named(client)} − httpx (median)",
                each(less("stream", client, plain, 0.5)),
                unit=" ms",
                **(at_most(1) if client.startswith("ours") else {}),
            )
        )
        if client.startswith("ours"):
            whole = each(had("stream", client, "whole"))
            made.append(
                Figure(
                    f"stream with each chunk once and in order: {named(client)}",
                    whole,
                    **exactly(1),
                )
            )
    made += _crowds(each)
    for client in OURS:
        made.append(
            Figure(
                f"20 MB of JSON: {named(client)} / `json.loads` (time)",
                each(had("large", client, "wall over json.loads")),
                **at_most(1.35),
            )
        )
    for client in OURS:
        made.append(
            Figure(
                f"20 MB of JSON: peak memory of {named(client)} / the text and its value",
                each(had("large", client, "memory")),
                **at_most(1.2),
            )
        )
    for mode in ("sync", "async"):
        made.append(
            Figure(
                f"memory of a job, 10,000 jobs in flight: `map`, {mode}",
                each(_memory_of_a_job(mode)),
                **at_most(20),
                unit=" kB",
            )
        )
        made.append(
            Figure(
                f"CPU per job, 10,000 / 100 jobs in flight: `map`, {mode}",
                each(_flight_cost(mode)),
                **at_most(1.3),
            )
        )
    made += [
        Figure(
            "CPU per job, 10,000 / 100 jobs in flight: raw connections of asyncio",
            each(_flight_cost("raw")),
        ),
        Figure(
            "peak memory of `map`: {many:,} / 10,000 inputs".format(
                many=rounds[0].get("map", {}).get("many", 0)
            ),
            each(lambda r: r["map"]["memory, many"]["peak"] / r["map"]["memory, few"]["peak"]),
            **at_most(1.1),
        ),
        Figure(
            "jobs/s of `map`: with / without a journal",
            each(lambda r: r["map"]["without"]["wall"] / r["map"]["journal"]["wall"]),
            **at_least(0.8),
        ),
    ]
    made += _local(each)
    return [figure for figure in made if figure.values]


def _crowds(each: Callable[[Of], list[float]]) -> list[Figure]:
    made: list[Figure] = []
    scenario = "2,000 jobs at 100"
    to_httpx = {"ours": at_least(2.2), "ours, plain": at_least(2.2), "ours, aiohttp": at_least(3.5)}
    to_javascript = {"ours": at_least(0.95), "ours, aiohttp": at_least(1)}
    for client in (*to_httpx, "aiohttp", "official, JavaScript", "official"):
        made.append(
            Figure(
                f"{_CROWD}: jobs/s, {named(client)} / httpx",
                each(over(scenario, "httpx", client, "wall")),
                **to_httpx.get(client, {}),
            )
        )
    for client in to_httpx:
        made.append(
            Figure(
                f"{_CROWD}: jobs/s, {named(client)} / aiohttp",
                each(over(scenario, "aiohttp", client, "wall")),
                **(at_least(0.95) if client != "ours, aiohttp" else {}),
            )
        )
    for client, bound in to_javascript.items():
        made.append(
            Figure(
                f"{_CROWD}: jobs/s, {named(client)} / runpod-sdk (JavaScript)",
                each(over(scenario, "official, JavaScript", client, "wall")),
                **bound,
            )
        )
    for client in ("ours", "ours, aiohttp", "httpx"):
        bounds = (at_most(110), exactly(2)) if client != "httpx" else ({}, {})
        connections = each(had(scenario, client, "connections"))
        made.append(Figure(f"{_CROWD}: connections, {named(client)}", connections, **bounds[0]))
        requests = each(requests_for_a_job(scenario, client))
        made.append(Figure(f"{_CROWD}: requests per job, {named(client)}", requests, **bounds[1]))
    for client in ("ours", "ours, aiohttp", "aiohttp"):
        made.append(
            Figure(
                f"CPU per job, 2,000 / 50 jobs in flight: {named(client)}",
                each(at_any_number(client)),
                **(at_most(1.25) if client.startswith("ours") else {}),
            )
        )
    return made


def _local(each: Callable[[Of], list[float]]) -> list[Figure]:
    title = "local endpoint, 100 in flight: jobs"
    return [
        Figure(f"{title}/s", each(lambda r: 1 / r["local"]["few"]["wall"]), **at_least(1_500)),
        Figure(
            f"{title} per second of its CPU",
            each(lambda r: 1 / r["local"]["few"]["cpu"]),
            **at_least(1_500),
        ),
        Figure(
            f"{title} per second of its CPU, with 40,000 retained jobs / at the start",
            each(lambda r: r["local"]["few"]["cpu"] / r["local"]["many"]["cpu"]),
            **at_least(0.9),
        ),
        Figure(
            "local endpoint: memory of a retained job",
            each(lambda r: r["local"]["memory"] / 1e3),
            **at_most(2.5),
            unit=" kB",
        ),
    ]


STATUS = {"ours, sync": 0.8, "ours, plain, sync": 0.8, "ours": 0.33, "ours, plain": 0.33}
"""The bounds of one request's cost, over plain httpx."""
_NAMES = {"wall": "time", "cpu": "CPU"}
_CROWD = "2,000 jobs, 100 in flight"
_CLIENTS = {
    "ours, sync": "runpod_sdk, sync",
    "ours": "runpod_sdk, async",
    "ours, aiohttp": "runpod_sdk, aiohttp",
    "ours, plain, sync": "runpod_sdk without extras, sync",
    "ours, plain": "runpod_sdk without extras, async",
    "httpx, sync": "httpx, sync",
    "official, sync": "runpod, sync",
    "official": "runpod, async",
    "official, JavaScript": "runpod-sdk (JavaScript)",
}
"""Clients in the titles of figures."""


def named(client: str) -> str:
    return _CLIENTS.get(client, client)


def had(scenario: str, client: str, what: str) -> Of:
    return lambda one: float(one[scenario][client][what])


def over(scenario: str, above: str, below: str, what: str) -> Of:
    return lambda one: float(one[scenario][above][what] / one[scenario][below][what])


def less(scenario: str, client: str, other: str, place: float) -> Of:
    """Take the difference of two clients' latencies, in milliseconds: of medians, or others."""

    def late(of: Measured) -> float:
        sorted_ = sorted(of["late"])
        return float(sorted_[min(int(len(sorted_) * place), len(sorted_) - 1)])

    return lambda one: 1e3 * (late(one[scenario][client]) - late(one[scenario][other]))


def requests_for_a_job(scenario: str, client: str) -> Of:
    """Count the requests for a job, but for those of the 20 jobs that begin a crowd."""
    return lambda one: (one[scenario][client]["requests"] - 40) / 2_000


def _memory_of_a_job(mode: str) -> Of:
    return lambda one: float(one["flight"][mode]["many"]["memory"] * 1.024)


def _flight_cost(mode: str) -> Of:
    return lambda one: float(one["flight"][mode]["many"]["cpu"] / one["flight"][mode]["few"]["cpu"])


def at_any_number(client: str) -> Of:
    many, few = "20,000 jobs at 2,000", "4,000 jobs at 50"
    return lambda one: float(one[many][client]["cpu"] / one[few][client]["cpu"])


def _has(of: Of, one: dict[str, Any]) -> bool:
    try:
        of(one)
    except KeyError:
        return False
    return True
