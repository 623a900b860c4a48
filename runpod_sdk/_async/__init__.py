"""The async client: its methods and their documentation, which `_sync` is made from."""
