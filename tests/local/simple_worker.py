"""A worker of a few lines, for tests of processes; RunPod's package takes seconds to load."""

import json
import os
import subprocess
import sys
import time
import urllib.request


def ask(url, body=None):
    with urllib.request.urlopen(url, body and json.dumps(body).encode()) as response:
        text = response.read()
    return json.loads(text) if text else None


def url(name, job_id=""):
    template = os.environ[f"RUNPOD_WEBHOOK_{name}"]
    pod = os.environ["RUNPOD_POD_ID"]
    if name == "GET_JOB":
        return template.replace("$ID", pod) + "&job_in_progress=0"
    return template.replace("$RUNPOD_POD_ID", pod).replace("$ID", job_id)


print(" ".join(["started", *sys.argv[1:], os.getcwd()]))
if "child" in sys.argv:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
while True:
    job = ask(url("GET_JOB"))
    if job:
        given = job["input"]
        for line in given.get("print", []):
            print(line.replace("KEY", os.environ["RUNPOD_AI_API_KEY"]))
        if "exit" in given:
            sys.exit(given["exit"])
        time.sleep(given.get("sleep", 0))
        while not os.path.exists(given.get("until", ".")):
            time.sleep(0.01)
        for name in given.get("write", []):
            open(name, "x").close()
        output = sorted(os.listdir()) if "write" in given else os.getpid()
        ask(url("POST_OUTPUT", job["id"]), {"output": output})
