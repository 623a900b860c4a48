"""
Stands in for paramiko where RunPod's package starts often; scripts/official puts it in the path.

The package imports it for a command that no test uses, and it takes a quarter of a worker's start.
"""
