"""Run many jobs at once: `Window` keeps up to `concurrency` jobs running."""
