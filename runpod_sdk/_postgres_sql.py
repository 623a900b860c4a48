"""The SQL of journals in PostgreSQL, and patterns for its messages."""

from __future__ import annotations

import re
from typing import Final

VERSION: Final = 1

SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS runpod_sdk_journals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    version integer NOT NULL DEFAULT {VERSION},
    settings jsonb NOT NULL DEFAULT '{{}}',
    fence bigint NOT NULL DEFAULT 0,
    owner text,
    backend integer,
    backend_start timestamptz,
    expires timestamptz
);
CREATE TABLE IF NOT EXISTS runpod_sdk_inputs (
    journal bigint NOT NULL REFERENCES runpod_sdk_journals ON DELETE CASCADE,
    number bigint NOT NULL,
    key text,
    digest bytea NOT NULL,
    status text NOT NULL,
    job_id text,
    since double precision NOT NULL,
    attempts integer NOT NULL,
    result text,
    PRIMARY KEY (journal, number)
);
CREATE UNIQUE INDEX IF NOT EXISTS runpod_sdk_keys
    ON runpod_sdk_inputs (journal, key) WHERE key IS NOT NULL;
CREATE INDEX IF NOT EXISTS runpod_sdk_unfinished
    ON runpod_sdk_inputs (journal, status) WHERE status <> 'succeeded'
"""
EXISTS: Final = "SELECT to_regclass('runpod_sdk_unfinished') IS NOT NULL"
LOCK_SCHEMA: Final = "SELECT pg_advisory_xact_lock(1380997681)"  # "RPJ1"

WAIT_FOR_THE_DISK: Final = """
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') IN ('off', 'local')
"""

CREATE: Final = "INSERT INTO runpod_sdk_journals (name) VALUES (%(name)s) ON CONFLICT DO NOTHING"

# Another role's sessions are visible without their start. Such a session counts as the owner's.
LOOK: Final = """
SELECT id, fence, version, owner, expires,
    expires IS NULL OR expires < clock_timestamp() OR NOT EXISTS (
        SELECT FROM pg_stat_activity AS session
        WHERE session.pid = journal.backend
        AND coalesce(session.backend_start = journal.backend_start, true)
    )
FROM runpod_sdk_journals AS journal WHERE name = %(name)s
"""
_LEASE: Final = "expires = clock_timestamp() + %(lease)s * interval '1 second'"
_OWNER: Final = f"""
    {_LEASE}, backend = pg_backend_pid(), backend_start = (
        SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()
    )
"""
_OWNED: Final = "id = %(id)s AND fence = %(fence)s"
TAKE: Final = f"""
UPDATE runpod_sdk_journals SET fence = fence + 1, owner = %(owner)s, {_OWNER}
WHERE {_OWNED} AND expires IS NOT DISTINCT FROM %(expires)s RETURNING fence
"""
RENEW: Final = f"UPDATE runpod_sdk_journals SET {_OWNER} WHERE {_OWNED}"
GIVE_BACK: Final = f"UPDATE runpod_sdk_journals SET expires = NULL, owner = NULL WHERE {_OWNED}"

SET: Final = f"""
UPDATE runpod_sdk_journals
SET settings = jsonb_build_object(%(setting)s::text, %(value)s::text) || settings
WHERE {_OWNED} RETURNING settings ->> %(setting)s::text
"""

_COLUMNS: Final = "number, key, digest, status, job_id, since, attempts, result"
_SELECT: Final = f"SELECT {_COLUMNS} FROM runpod_sdk_inputs WHERE journal = %(id)s"
SIZE: Final = """
SELECT coalesce(max(number), -1) + 1 FROM runpod_sdk_inputs WHERE journal = %(id)s
"""
COUNTS: Final = """
SELECT status, count(*) FROM runpod_sdk_inputs WHERE journal = %(id)s
GROUP BY status ORDER BY status
"""
FIND: Final = {
    "number": f"{_SELECT} AND number = ANY(%(values)s::bigint[]) ORDER BY number",
    "key": f"{_SELECT} AND key = ANY(%(values)s::text[]) ORDER BY number",
    "status": f"{_SELECT} AND status = ANY(%(values)s::text[]) ORDER BY number",
}
PAGE: Final = f"{_SELECT} AND number >= %(start)s ORDER BY number LIMIT %(limit)s"

# One statement, so that the fence is compared in the transaction that stores the rows, and that
# transaction never waits for its client.
WRITE: Final = f"""
WITH lease AS (
    UPDATE runpod_sdk_journals SET {_LEASE} WHERE {_OWNED} RETURNING id
), stored AS (
    INSERT INTO runpod_sdk_inputs (journal, {_COLUMNS})
    SELECT lease.id, given.* FROM lease, unnest(
        %(number)s::bigint[], %(key)s::text[], %(digest)s::bytea[], %(status)s::text[],
        %(job_id)s::text[], %(since)s::float8[], %(attempts)s::integer[], %(result)s::text[]
    ) AS given
    ON CONFLICT (journal, number) DO UPDATE SET
        key = excluded.key, digest = excluded.digest, status = excluded.status,
        job_id = excluded.job_id, since = excluded.since, attempts = excluded.attempts,
        result = excluded.result
)
SELECT count(*) FROM lease
"""

LIST: Final = """
SELECT journal.name, input.status, count(input.status)
FROM runpod_sdk_journals AS journal
LEFT JOIN runpod_sdk_inputs AS input ON input.journal = journal.id
GROUP BY journal.name, input.status ORDER BY journal.name, input.status
"""

UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
QUOTED: Final = re.compile(r"""(["']).*?\1""")
WORDS: Final = re.compile(r"[^\s@:/?#&=\"',;]{4,}")
