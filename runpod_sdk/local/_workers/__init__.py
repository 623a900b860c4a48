"""The workers that run handlers."""
