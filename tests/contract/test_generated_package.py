"""The generated package, which imports its models and httpx when they are used."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from types import ModuleType
from typing import Any

import httpx
import pytest

from runpod_serverless_api import AuthenticatedClient, Client, models


def test_each_model_has_its_name_and_its_module() -> None:
    """As attributes, by `import *`, and in `dir`; other names do not exist."""
    everything: dict[str, Any] = {}
    exec("from runpod_serverless_api.models import *", everything)
    assert set(models.__all__) <= everything.keys()
    for name in models.__all__:
        cls = getattr(models, name)
        assert (cls.__name__, everything[name]) == (name, cls)
        module = cls.__module__.rpartition(".")[2]
        assert isinstance(getattr(models, module), ModuleType)
        assert {name, module} <= set(dir(models))
    with pytest.raises(AttributeError, match=r"models' has no attribute 'Jobs'"):
        getattr(models, "Jobs")  # noqa: B009
    with pytest.raises(ImportError):
        exec("from runpod_serverless_api.models import Jobs")


def test_values_are_copied_and_pickled() -> None:
    counts = models.PurgeResult.from_dict({"removed": 1, "status": "completed", "new": 2})
    client = AuthenticatedClient("https://api.test", "a-token", timeout=httpx.Timeout(3))
    for value in (counts, client, Client("https://api.test")):
        assert pickle.loads(pickle.dumps(value)) == copy.deepcopy(value) == value


def test_what_a_client_imports() -> None:
    """Its HTTP client, when it is first used."""
    code = (
        "import sys; from runpod_serverless_api import Client, models;"
        "from runpod_serverless_api.api.jobs import run_job; client = Client('http://api.test');"
        "print('httpx' in sys.modules, type(client.get_httpx_client()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False <class 'httpx.Client'>\n"
