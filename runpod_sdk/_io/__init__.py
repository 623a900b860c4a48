"""The IO port, sync and async: the only package that uses HTTP, clocks and event loops."""
