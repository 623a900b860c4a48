"""What happens to jobs and workers, and when: without HTTP, threads or a clock."""
