"""What to do next: every operation once, as a coroutine over an IO port."""
