"""Tools that record a failure's local variables show no secret: error trackers, pytest, rich."""
