"""The flows: each operation is written once, as a coroutine over an IO port."""
