"""
The rules of the queue and its workers, without HTTP, threads or a clock.

Every event is a method of `Queue` that takes the time, `now`, in seconds. It first advances the
queue to that time, so that nothing expired is visible. `effects` returns what the caller has to
do after an event: answer the requests that wait for a job, stop a run, start a worker.

    from          event                                    to
    ───────────   ──────────────────────────────────────   ─────────────────────────────────
    ·             submit                                   IN_QUEUE
    IN_QUEUE      take                                     IN_PROGRESS
    IN_PROGRESS   progress                                 IN_PROGRESS, output = the progress
    IN_PROGRESS   chunk                                    IN_PROGRESS, one more to drain
    IN_PROGRESS   finish, without error                    COMPLETED
    IN_PROGRESS   finish, error a string                   FAILED, with the output if one came
    IN_PROGRESS   finish, error anything else              COMPLETED without output
    IN_PROGRESS   the execution timeout passes             FAILED, "executionTimeout exceeded"
    IN_PROGRESS   the run is lost, for the first time      IN_QUEUE, at its front, retries = 1
    IN_PROGRESS   the run is lost, for the second time     FAILED, "job timed out after 1 retries"
    IN_QUEUE      cancel                                   CANCELLED
    IN_PROGRESS   cancel                                   CANCELLED, and the run is stopped
    IN_QUEUE      purge                                    · (unknown from then on)
    not terminal  the TTL passes                           · and the run, if any, is stopped
    FAILED        retry                                    IN_QUEUE, as if new
    terminal      the retention passes                     ·

Which keys an answer has in each state follows from what is set:

    IN_QUEUE, cancelled while queued   neither times nor worker
    IN_PROGRESS                        delay_time, worker, and output after a progress
    terminal after a run               also execution_time
    any, once a run was lost           also retries

A run that was stopped, or has reached its execution timeout, occupies its worker until the worker
reports its end. Reports of such a run have no effect, and the worker does not get the same job
again before. A run is lost with its worker (`lose_worker`), or when the worker says that it does
not have the run any more (`lose_runs`).

`docs/local-endpoint.md` lists the choices where the facts are unknown or contradict each other.
The rules of the workers are in `fleet.py`.
"""
