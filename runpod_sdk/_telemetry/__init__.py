"""Telemetry: the only package that imports OpenTelemetry, and only if the program imported it."""
