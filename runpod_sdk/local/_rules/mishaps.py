"""What goes wrong with jobs on demand, as far as the rules are concerned."""

from __future__ import annotations


class Mishaps:
    """Decide whether something goes wrong; asked once for each chance. Here, nothing does."""

    def loses_output(self, job_id: str) -> bool:
        """Tell whether the output of a job that succeeds is lost."""
        return False

    def expires(self, job_id: str) -> bool:
        """Tell whether a job that has ended is gone when it is asked for."""
        return False
