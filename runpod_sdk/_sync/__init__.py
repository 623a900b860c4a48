"""The sync client: thin shells over the flows."""
