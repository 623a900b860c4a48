"""The examples of the help pages. Lines that begin with `$` can be pasted as they are."""

from __future__ import annotations

from typing import Final

COMMANDS: Final = """\
$ export RUNPOD_API_KEY=… RUNPOD_ENDPOINT_ID=…
$ runpod-sdk run-sync prompt='a horse' steps:=30 --save pictures
$ runpod-sdk run-sync prompt='Tell me a story' --stream -o text
$ runpod-sdk jobs --status"""

RUN: Final = """\
$ runpod-sdk run prompt='a horse' steps:=30
$ runpod-sdk run --input @input.json seed:=7
$ echo '{"prompt": "a horse"}' | runpod-sdk run
$ job=$(runpod-sdk run image@photo.png -o text)"""

RUN_SYNC: Final = """\
$ runpod-sdk run-sync prompt='a horse' steps:=30
$ runpod-sdk run-sync prompt='a horse' --save pictures
$ runpod-sdk run-sync prompt='Tell me a story' --stream -o text
$ runpod-sdk run-sync -i @input.json --timeout 600 --on-timeout cancel
$ runpod-sdk run-sync prompt='a horse' | jq .output"""

STATUS: Final = """\
$ runpod-sdk status JOB
$ runpod-sdk status JOB -o text"""

WAIT: Final = """\
$ runpod-sdk wait JOB
$ runpod-sdk wait JOB --timeout 60 && echo done
$ runpod-sdk wait JOB --save pictures"""

STREAM: Final = """\
$ runpod-sdk stream JOB -o text
$ runpod-sdk stream JOB | jq .output"""

EXPLAIN: Final = """\
$ runpod-sdk explain JOB -o text"""

CANCEL: Final = """\
$ runpod-sdk cancel JOB
$ runpod-sdk jobs -e ID | jq -r '.[].id' | xargs -n 1 runpod-sdk cancel"""

RETRY: Final = """\
$ runpod-sdk retry JOB && runpod-sdk wait JOB"""

HEALTH: Final = """\
$ runpod-sdk health -o text
$ runpod-sdk health | jq .workers.ready"""

PURGE_QUEUE: Final = """\
$ runpod-sdk purge-queue
$ runpod-sdk purge-queue --yes"""

JOBS: Final = """\
$ runpod-sdk jobs
$ runpod-sdk jobs --only failed --limit 5
$ runpod-sdk jobs --watch
$ runpod-sdk jobs -o json | jq -r '.[0].id'
$ runpod-sdk jobs --clear"""

SERVE: Final = """\
$ runpod-sdk serve my_worker.py:handler
$ runpod-sdk serve --workers 2 --worker -- python my_worker.py
$ runpod-sdk serve --reload chat=chat.py:handler image=image.py:handler
$ runpod-sdk serve --external
$ runpod-sdk serve --port 8000 --endpoint-id mine --api-key local mine.py:run"""

JOURNAL: Final = """\
$ runpod-sdk journal list part-*.sqlite
$ runpod-sdk journal show run.sqlite
$ runpod-sdk journal resubmit run.sqlite"""

JOURNAL_LIST: Final = """\
$ runpod-sdk journal list part-*.sqlite
$ RUNPOD_SDK_JOURNAL_DSN=postgresql://db.internal/jobs runpod-sdk journal list --postgres"""

JOURNAL_SHOW: Final = """\
$ runpod-sdk journal show run.sqlite
$ runpod-sdk journal show run.sqlite --only failed --only uncertain"""

JOURNAL_EXPORT: Final = """\
$ runpod-sdk journal export part-*.sqlite > results.jsonl
$ runpod-sdk journal export run.sqlite --only succeeded | jq .state.output"""

JOURNAL_RESOLVE: Final = """\
$ runpod-sdk journal resolve run.sqlite row-17 resubmit
$ runpod-sdk journal resolve run.sqlite 17 skip"""

JOURNAL_RESUBMIT: Final = """\
$ runpod-sdk journal resubmit part-*.sqlite
$ runpod-sdk journal resubmit run.sqlite --max-attempts 3 --dead-letter dead.jsonl"""
