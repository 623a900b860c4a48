"""What OpenTelemetry is told: the only place that imports it, and only where a program has."""
