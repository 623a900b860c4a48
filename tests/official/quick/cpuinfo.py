"""
Stands in for py-cpuinfo where RunPod's package starts often; scripts/official puts it in the path.

At each import the package asks for the processor's name, for its debugger, which no test uses. The
real package starts ten processes to find it, which takes half of a worker's start.
"""


def get_cpu_info():
    return {"brand_raw": "a processor"}
