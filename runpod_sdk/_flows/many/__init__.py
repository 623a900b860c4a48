"""Many jobs at once: a window that is kept full, and the results of it."""
