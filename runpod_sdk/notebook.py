"""A box below a notebook's cell that follows a job while the cell waits for it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from runpod_sdk._progress import in_notebook
from runpod_sdk._progress.drawing import attempt

if TYPE_CHECKING:
    from runpod_sdk._progress.notebook import CellOutput
    from runpod_sdk.models import JobState

__all__ = ["LiveBox"]


class LiveBox:
    """
    Show a job's updates below the running cell: status, queue time, worker and progress.

    Pass a new one as `on_update=` of `run_sync`, `wait` or `output`, of both clients, or call it
    with each state of `updates()`. The box is replaced in place, and stays when the job has ended.
    Outside a notebook, each update is a line on standard error.

    Examples:
        ```python
        from runpod_sdk.notebook import LiveBox

        state = endpoint.run_sync(input={"prompt": "Hello"}, on_update=LiveBox())
        print(state.output)
        ```
    """

    def __init__(self) -> None:
        self._output: CellOutput | None = None
        self._job_id = ""

    def __call__(self, state: JobState) -> None:
        """Show another state of the job; the state of another job begins a new box."""
        if state.id != self._job_id:
            self._output, self._job_id = None, state.id
        attempt(self._show, state)

    def _show(self, state: JobState) -> None:
        from runpod_sdk._display import html_of_update, line_of_update

        line = line_of_update(state)
        if not in_notebook():
            if sys.stderr is not None:
                sys.stderr.write(f"{line}\n")
            return
        if self._output is None:
            from runpod_sdk._progress.notebook import CellOutput

            self._output = CellOutput()
        self._output.show(html_of_update(state), line)
