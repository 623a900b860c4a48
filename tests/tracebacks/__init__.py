"""What tools that record local variables show of a failure: error trackers, pytest -l, rich."""
