"""A package, so that tests share helpers as `tests.…` whatever else is installed."""
