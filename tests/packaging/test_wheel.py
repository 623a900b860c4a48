"""What a user gets from the built wheel, installed into an empty environment with no extras."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.packaging

ROOT = Path(__file__).parents[2]
UV = shutil.which("uv")

# The project, what it asks for, and what that needs.
EXPECTED = {"runpod_sdk"} | {
    *("anyio", "attrs", "certifi", "h11", "httpcore", "httptools", "httpx", "python_dateutil"),
    *("idna", "six", "sniffio", "typing_extensions", "tzdata"),
}
NEEDED = {"runpod_sdk", "anyio", "attrs", "certifi", "h11", "httpcore", "httpx", "python_dateutil"}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel from it, as `python -m build` does."""
    out = tmp_path_factory.mktemp("dist")
    installer = "uv" if UV else "pip"
    run(sys.executable, "-m", "build", "--installer", installer, "--outdir", str(out), str(ROOT))
    return out


@pytest.fixture(scope="module")
def python(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an empty environment, install the wheel into it, and give its interpreter."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=not UV)
    found = home / "bin" / "python"
    pip(found, "install", "-qq", str(only(dist, "*.whl")))
    return found


def pip(python: Path, command: str, *arguments: str) -> str:
    """Run a command of pip for an environment; of uv's pip, if there is uv, as that is faster."""
    if UV:
        return run(UV, "pip", command, "--python", str(python), *arguments)
    return run(str(python), "-m", "pip", command, *arguments)


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout


def only(directory: Path, pattern: str) -> Path:
    (found,) = directory.glob(pattern)
    return found


def test_the_wheel_holds_both_packages_and_nothing_else(dist: Path) -> None:
    names = zipfile.ZipFile(only(dist, "*.whl")).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"runpod_sdk", "runpod_serverless_api"}
    assert {"runpod_sdk/py.typed", "runpod_serverless_api/py.typed"} <= set(names)
    page = {"index.html", "page.css", "main.js", "contract.json"}
    assert {f"runpod_sdk/local/_page/{name}" for name in page} <= set(names)


def test_the_readme_renders_on_an_index(dist: Path) -> None:
    """No link leads into the repository, which an index does not have."""
    with zipfile.ZipFile(only(dist, "*.whl")) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = wheel.read(name).decode()
    assert "Description-Content-Type: text/markdown\n" in metadata
    assert "# runpod_sdk\n" in metadata
    assert "client.endpoint(" in metadata
    assert [url for url in re.findall(r"\]\(([^)]*)\)", metadata) if ":" not in url] == []


def test_it_brings_its_dependencies_and_nothing_else(python: Path) -> None:
    listed = json.loads(pip(python, "list", "--format", "json"))
    names = {entry["name"].lower().replace("-", "_") for entry in listed}
    assert names - {"pip", "setuptools"} <= EXPECTED
    assert names >= NEEDED


def test_importing_loads_neither_httpx_nor_the_generated_package(python: Path) -> None:
    code = """
import sys, runpod_sdk
print(*sorted({name.split(".")[0] for name in sys.modules}))
runpod_sdk.Runpod
"""
    loaded = set(run(str(python), "-c", code).split())
    assert not loaded & {"httpx", "httpcore", "runpod_serverless_api"}


def test_a_client_works_once_asked_for(python: Path) -> None:
    code = """
import sys, runpod_sdk
with runpod_sdk.Runpod("a-key") as client:
    print(client.endpoint("an-endpoint").job("a-job").id)
assert "runpod_serverless_api" in sys.modules
assert "httpx" not in sys.modules
"""
    assert run(str(python), "-c", code) == "a-job\n"


def test_every_public_name_is_there(python: Path) -> None:
    code = "import runpod_sdk; [getattr(runpod_sdk, name) for name in runpod_sdk.__all__]"
    run(str(python), "-W", "error", "-c", code)


def test_the_command_without_its_extra_says_how_to_get_it(python: Path) -> None:
    for command in ([str(python.parent / "runpod-sdk")], [str(python), "-m", "runpod_sdk"]):
        done = subprocess.run([*command, "health"], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stdout == ""
        assert "pip install 'runpod_sdk[cli]'" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_pytest_finds_the_fixtures(python: Path) -> None:
    code = """
from importlib.metadata import entry_points
(found,) = entry_points(group="pytest11", name="runpod_sdk")
print(found.value)
"""
    assert run(str(python), "-c", code) == "runpod_sdk.local.pytest_plugin\n"


def test_type_checkers_read_the_installed_types(python: Path, tmp_path: Path) -> None:
    """mypy finds py.typed of both packages, and no type of theirs is Any."""
    pins = ROOT / "requirements" / "constraints.txt"
    pip(python, "install", "-qq", "--constraint", str(pins), "mypy")
    program = tmp_path / "program.py"
    program.write_text(
        "from runpod_sdk import Job, Runpod\n"
        "from runpod_serverless_api.models import JobRequest\n"
        "def submit(client: Runpod) -> Job:\n"
        "    return client.endpoint('ep').run(input=1)\n"
        "reveal_type(submit(Runpod()).id)\n"
        "reveal_type(JobRequest)\n",
        encoding="utf-8",
    )
    said = run(str(python), "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(program))
    assert 'Revealed type is "builtins.str"' in said or 'Revealed type is "str"' in said
    assert 'Revealed type is "Any"' not in said
    assert "input_: Any, webhook: str | " in said  # the constructor of the generated class
