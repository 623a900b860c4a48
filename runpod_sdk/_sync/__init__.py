# Made from _async/__init__.py by scripts/generate: change that file.
"""The client, made from `_sync`: change it there."""
