"""The async client: thin shells over the flows, twins of those in `_sync`."""
