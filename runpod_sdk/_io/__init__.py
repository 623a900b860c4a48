"""The IO port in both colours: the only part of the facade that knows HTTP, clocks and loops."""
