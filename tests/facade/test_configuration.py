"""How a client finds its key and its base URL, and which arguments it refuses."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import traceback
import warnings
from datetime import timedelta
from typing import Any

import pytest

from runpod_sdk import (
    APIStatusError,
    AsyncRunpod,
    ConfigurationError,
    NotFoundError,
    Runpod,
    RunpodError,
)
from tests.facade.clients import BASE_URL, JOB, KEY, Driver, Script, job, problem

CLIENTS = pytest.mark.parametrize("cls", [Runpod, AsyncRunpod])


@pytest.fixture(autouse=True)
def home(no_configuration: None, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """Give each test a separate, writable home directory."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))


def write_config(text: str | bytes) -> pathlib.Path:
    """Write the file of RunPod's own tools, in the home of this test."""
    path = pathlib.Path.home() / ".runpod" / "config.toml"
    path.parent.mkdir()
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def shown_of(error: BaseException) -> list[Any]:
    """Return what a tool may show of an error: it, its causes, and the variables of our frames."""
    shown: list[Any] = []
    found: BaseException | None = error
    while found is not None:
        shown += [found, vars(found), found.args]
        frames = [frame for frame, _ in traceback.walk_tb(found.__traceback__)]
        shown += [
            frame.f_locals
            for frame in frames
            if f"{os.sep}runpod_sdk{os.sep}" in frame.f_code.co_filename
            and frame.f_code.co_name not in ("__init__", "make")  # have the caller's arguments
        ]
        found = found.__cause__ or found.__context__
    return shown


def key_sent(driver: Driver, **options: Any) -> str:
    """Say which key a client sends."""
    script = Script(job())
    endpoint = driver.endpoint(script, **{"api_key": None, **options})
    driver.call(lambda: endpoint.status(JOB))
    (value,) = script.last.headers.get_list("authorization")
    scheme, _, key = value.partition(" ")
    assert scheme == "Bearer"
    return key


def test_the_argument_comes_first(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """`api_key` wins over the variable and the file."""
    monkeypatch.setenv("RUNPOD_API_KEY", "of-the-variable")
    write_config('[default]\napi_key = "of-the-file"\n')
    assert key_sent(driver, api_key="of-the-argument") == "of-the-argument"


def test_the_variable_comes_second(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """`RUNPOD_API_KEY` wins over the file."""
    monkeypatch.setenv("RUNPOD_API_KEY", "of-the-variable")
    write_config('[default]\napi_key = "of-the-file"\n')
    assert key_sent(driver) == "of-the-variable"


def test_the_file_comes_last(driver: Driver) -> None:
    """The `[default]` profile of ~/.runpod/config.toml is found where HOME says."""
    write_config('[other]\napi_key = "not-this"\n[default]\napi_key = "of-the-file"\n')
    assert key_sent(driver) == "of-the-file"


@pytest.mark.parametrize(
    "text",
    [
        "apikey = 'of-the-file'\napiurl = 'https://api.runpod.io/graphql'\n",
        "\ufeffapikey = 'of-the-file'\n",
        "\ufeff[default]\r\napi_key = 'of-the-file'\r\n",
        "apikey = 'not-this'\n[default]\napi_key = 'of-the-file'\n",
        "apikey = 'of-the-file'\n[default]\nother = 1\n",
    ],
    ids=ascii,
)
def test_the_file_as_either_tool_writes_it(driver: Driver, text: str) -> None:
    """runpodctl writes a top-level `apikey`; the profile comes first, and a BOM is nothing."""
    write_config(text)
    assert key_sent(driver) == "of-the-file"


def test_an_empty_variable_is_none(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key and base URL are found as if it were not set."""
    monkeypatch.setenv("RUNPOD_API_KEY", "")
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", "")
    write_config("apikey = 'of-the-file'\n")
    assert key_sent(driver) == "of-the-file"
    script = Script(job())
    endpoint = driver.endpoint(script, base_url=None)
    driver.call(lambda: endpoint.status(JOB))
    assert str(script.last.url).startswith("https://api.runpod.ai/v2/")


@CLIENTS
@pytest.mark.skipif(sys.platform == "win32", reason="there is no passwd")
@pytest.mark.parametrize("home", [None, ""])
def test_no_home(cls: Any, home: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user id without a home, as containers have, has no file; with a key nothing is wrong."""
    import pwd

    def nobody(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.delenv("HOME")
    if home is not None:
        monkeypatch.setenv("HOME", home)
    with pytest.raises(ConfigurationError, match=r"RUNPOD_API_KEY.*HOME is not set"):
        cls()
    cls(KEY)


@CLIENTS
@pytest.mark.parametrize(
    "text",
    [None, "", "[other]\napi_key = 'x'\n", "[default]\nother = 1\n", "default = 1\n"],
    ids=["no file", "empty", "other profile", "no key in it", "no table"],
)
def test_no_key_says_where_to_put_one(cls: Any, text: str | None) -> None:
    """Without a key anywhere there is no client, and the error names all three places."""
    if text is not None:
        write_config(text)
    with pytest.raises(ConfigurationError) as caught:
        cls()
    for place in ("api_key=", "RUNPOD_API_KEY", "~/.runpod/config.toml"):
        assert place in str(caught.value)


@CLIENTS
@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        (b"[default\nrpa_CANARY", "valid TOML"),
        (b"api_key = rpa_CANARY", "valid TOML"),
        (b"\xff\xfe\x00rpa_CANARY", "save it as UTF-8"),
        ("apikey = 'rpa_CANARY'".encode("utf-16"), "save it as UTF-8"),
        (b"apikey = 'rpa_CANARY'\nx = " + b"[" * 2_000 + b"]" * 2_000, "nested too deeply"),
        (b"apikey = 'rpa_CANARY'\nx = " + b"1" * 5_000, "valid TOML"),
        (b"apikey = 'rpa_CANARY'\n" + b"#" * 2**20, "larger than 1 MiB"),
        (b'[default]\napi_key = "rpa_CANARY\\n"', "contains a character"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_file_that_can_not_be_used(cls: Any, text: bytes, remedy: str) -> None:
    """A broken file is named, with what to do, and nothing shows a word of what stands in it."""
    write_config(text)
    with pytest.raises(ConfigurationError, match=rf"config\.toml.*{remedy}") as caught:
        cls()
    assert "CANARY" not in repr(shown_of(caught.value))
    assert b"CANARY".hex() not in repr(shown_of(caught.value))


@CLIENTS
def test_a_file_that_may_not_be_read(cls: Any) -> None:
    """A directory in the file's place is named, like a file without permission."""
    (pathlib.Path.home() / ".runpod" / "config.toml").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match=r"config\.toml"):
        cls()


@CLIENTS
def test_a_broken_file_is_not_read_when_the_key_is_known(cls: Any) -> None:
    """Nothing is read that is not needed."""
    write_config("[default\n")
    cls(KEY)


BAD_KEYS = [
    "",
    " ",
    "\t\n",
    "rpa_x\n",
    "\nrpa_x",
    "rpa_x ",
    " rpa_x",
    "rpa\r\nX-Evil: 1",
    "rpa\x00",
    "rpa\x7f",
    "rpa_ü",
]


@CLIENTS
@pytest.mark.parametrize("key", BAD_KEYS, ids=ascii)
def test_a_bad_key_by_argument(cls: Any, key: str) -> None:
    """A blank key, or one with a character that no header takes, is refused, and not shown."""
    with pytest.raises(ConfigurationError, match="api_key") as caught:
        cls(key)
    assert "rpa" not in str(caught.value)


@CLIENTS
@pytest.mark.parametrize("key", [key for key in BAD_KEYS if key and "\x00" not in key], ids=ascii)
def test_a_bad_key_by_variable(cls: Any, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is checked too; a blank variable does not fall through to the file."""
    monkeypatch.setenv("RUNPOD_API_KEY", key)
    write_config('[default]\napi_key = "of-the-file"\n')
    with pytest.raises(ConfigurationError, match="RUNPOD_API_KEY"):
        cls()


@CLIENTS
@pytest.mark.parametrize("value", ["''", "'  '", '"a\\n"', "12", "['a']"])
def test_a_bad_key_by_file(cls: Any, value: str) -> None:
    """The file is checked too; its key may have another type than a string."""
    write_config(f"[default]\napi_key = {value}\n")
    with pytest.raises(ConfigurationError, match=r"config\.toml"):
        cls()


@CLIENTS
@pytest.mark.parametrize("key", [b"rpa", 1, ["rpa"], object], ids=repr)
def test_a_key_that_is_no_string(cls: Any, key: Any) -> None:
    """A key of another type is refused as well."""
    with pytest.raises(ConfigurationError, match="api_key"):
        cls(key)


def test_the_base_url_goes_by_the_same_order(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The argument, else `RUNPOD_ENDPOINT_BASE_URL`, else RunPod's own."""

    def asked(**options: Any) -> str:
        script = Script(job())
        endpoint = driver.endpoint(script, **options)
        driver.call(lambda: endpoint.status(JOB))
        return str(script.last.url)

    assert asked(base_url=None) == f"https://api.runpod.ai/v2/ep/status/{JOB}"
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", "https://variable.test/v3")
    assert asked(base_url=None) == f"https://variable.test/v3/ep/status/{JOB}"
    assert asked(base_url="http://argument.test") == f"http://argument.test/ep/status/{JOB}"
    assert asked(base_url="http://argument.test/a/") == f"http://argument.test/a/ep/status/{JOB}"
    assert asked(base_url="http://host/@me/v2") == f"http://host/@me/v2/ep/status/{JOB}"
    assert asked(base_url="http://[::1]:8080/v2") == f"http://[::1]:8080/v2/ep/status/{JOB}"


BAD_URLS = [
    "",
    " ",
    "api.runpod.ai/v2",
    "ftp://api.runpod.ai/v2",
    "file:///etc/passwd",
    "https://",
    "https:///v2",
    "https://host:port/v2",
    "https://host:99999/v2",
    "https://host/v 2",
    "https://a..b/v2",
    "https://999.1.1.1/v2",
    "https://\N{SNOWMAN}/v2",
    "https://user:hunter2@[::1/v2",
    "https://host/v2\n",
    "https://host/v2?key=1",
    "https://host/v2#part",
    "https://host/v2/../v1",
    "https://user:hunter2@host/v2",
    "ftp://user:hunter2@host/v2",
    "https://user:hunter2@host/v 2",
    "user:hunter2@host",
]


@CLIENTS
@pytest.mark.parametrize("url", BAD_URLS)
def test_a_bad_base_url(cls: Any, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An invalid base URL is refused, from each source, and no password is shown."""
    with pytest.raises(ConfigurationError, match="base_url") as caught:
        cls(KEY, base_url=url)
    assert "hunter2" not in repr(shown_of(caught.value))
    if not url:
        return  # an empty variable is none
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", url)
    with pytest.raises(ConfigurationError, match="RUNPOD_ENDPOINT_BASE_URL"):
        cls(KEY)


@CLIENTS
@pytest.mark.parametrize("url", [5, b"https://host", ["https://host"]], ids=repr)
def test_a_base_url_that_is_no_string(cls: Any, url: Any) -> None:
    """A base URL of another type is refused."""
    with pytest.raises(ConfigurationError, match="base_url"):
        cls(KEY, base_url=url)


@CLIENTS
@pytest.mark.parametrize("timeout", [0, 0.0, -1, float("nan"), float("-inf"), timedelta(0)])
def test_a_timeout_that_is_no_length(cls: Any, timeout: Any) -> None:
    """Zero, negative and NaN are no lengths of time."""
    with pytest.raises(ValueError, match="timeout"):
        cls(KEY, timeout=timeout)


@CLIENTS
@pytest.mark.parametrize("timeout", [True, "5", [5]], ids=repr)
def test_a_timeout_that_is_no_number(cls: Any, timeout: Any) -> None:
    """A truth value or a text is no length of time either."""
    with pytest.raises(TypeError, match="timeout"):
        cls(KEY, timeout=timeout)


@CLIENTS
@pytest.mark.parametrize("timeout", [None, 1, 0.5, float("inf"), timedelta(seconds=3), 10**400])
def test_a_timeout_that_is_one(cls: Any, timeout: Any) -> None:
    """Seconds, a `timedelta` or no limit."""
    cls(KEY, timeout=timeout)


@CLIENTS
@pytest.mark.parametrize("retries", [-1, True, 1.5, "2", None], ids=repr)
def test_a_count_of_retries_that_is_none(cls: Any, retries: Any) -> None:
    """`max_retries` is a whole number from zero up."""
    with pytest.raises((TypeError, ValueError), match="max_retries"):
        cls(KEY, max_retries=retries)


@CLIENTS
def test_a_configuration_error_is_ours(cls: Any) -> None:
    """`except RunpodError` catches a missing key as well."""
    with pytest.raises(RunpodError):
        cls()


@CLIENTS
def test_only_the_key_is_positional(cls: Any) -> None:
    """All but the key is given by name."""
    with pytest.raises(TypeError):
        cls(KEY, BASE_URL)


NO_IDS = [
    "https://api.runpod.ai/v2/abc123/run",
    "//abc123",
    "abc123/run",
    "/abc123",
    "abc123\n",
    "\tabc123",
    " abc123",
    "abc 123",
    "abc\u2028123",
    "abc\\123",
    "abc\x00",
    "abc\ud800",
]


@CLIENTS
@pytest.mark.parametrize("name", ["", " ", ".", "..", "\n", " .. ", *NO_IDS], ids=ascii)
def test_an_id_that_is_none(cls: Any, name: str) -> None:
    """An id is one segment of a path, and nothing around it; so is a job's."""
    client = cls(KEY)
    with pytest.raises(ValueError, match="endpoint_id must be"):
        client.endpoint(name)
    with pytest.raises(ValueError, match="job_id must be"):
        client.endpoint("ep").job(name)


@CLIENTS
def test_the_id_in_a_url(cls: Any) -> None:
    """The error says which part of the URL is the id."""
    with pytest.raises(ValueError, match="id alone, such as 'abc123'"):
        cls(KEY).endpoint("https://api.runpod.ai/v2/abc123/run")


@CLIENTS
@pytest.mark.parametrize("endpoint_id", [None, 5, b"ep"], ids=repr)
def test_an_endpoint_id_that_is_no_string(cls: Any, endpoint_id: Any) -> None:
    """A missing environment variable, for one, is None."""
    with pytest.raises(TypeError, match="endpoint_id"):
        cls(KEY).endpoint(endpoint_id)


@pytest.mark.parametrize("cls", [Runpod, AsyncRunpod])
def test_nothing_is_written(
    cls: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the home directory nor the working directory gets a file, with a key or without."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    cls("key-of-a-test").endpoint("ep")
    with pytest.raises(ConfigurationError):
        cls()
    assert list(tmp_path.rglob("*")) == []


def test_the_environment_is_not_changed() -> None:
    """Making a client leaves the environment as it was."""
    before = dict(os.environ)
    Runpod(KEY)
    AsyncRunpod(KEY)
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ('"rpa_x"', "quotes"),
        ("'rpa_x'", "quotes"),
        ("Bearer rpa_x", "Bearer"),
        ("bearer rpa_x", "Bearer"),
        ("rpa_x y", "white space"),
        ("RUNPOD_API_KEY=rpa_x", "assignment"),
        ("<your key>", "white space"),
        ("$RUNPOD_API_KEY", "placeholder"),
        ("rpa_x", ""),
    ],
)
@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_names_where_the_key_came_from(
    driver: Driver, status: int, value: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The argument, the variable or the file alone; and what looks wrong about it, not the key."""

    def refusal(**options: Any) -> str:
        endpoint = driver.endpoint(lambda request: problem(status)(request), **options)
        with pytest.raises(APIStatusError) as caught:
            driver.call(lambda: endpoint.status(JOB))
        assert value not in str(caught.value)
        assert hint in str(caught.value)
        return str(caught.value)

    places = ("api_key=", "RUNPOD_API_KEY", "config.toml")
    write_config(f"apikey = {json.dumps(value)}\n")
    by_file = refusal(api_key=None)
    monkeypatch.setenv("RUNPOD_API_KEY", value)
    by_variable = refusal(api_key=None)
    by_argument = refusal(api_key=value)
    told = [[place in text for place in places] for text in (by_argument, by_variable, by_file)]
    assert told == [[True, False, False], [False, True, False], [False, False, True]]


def test_the_base_url_where_nothing_is_found(driver: Driver) -> None:
    """A 404 hints at a base URL that is not RunPod's form; with `/v2` it says nothing of it."""

    def refusal(base_url: str) -> str:
        endpoint = driver.endpoint(Script(problem(404)), base_url=base_url)
        with pytest.raises(NotFoundError) as caught:
            driver.call(endpoint.health)
        return str(caught.value)

    for url in ("https://api.test", "https://api.test/v2/ep", "https://api.test/v1"):
        assert f"base URL {url}: RunPod's ends with /v2" in refusal(url)
    assert "base URL" not in refusal("https://api.test/v2/")


PUBLIC = ["http://api.runpod.ai/v2", "http://8.8.8.8/v2", "http://[2606:4700::1111]/v2"]
NEAR = [
    "https://api.runpod.ai/v2",
    "http://127.0.0.1:8000/v2",
    "http://localhost/v2",
    "http://api.localhost/v2",
    "http://[::1]/v2",
    "http://[::ffff:10.0.0.1]/v2",
    "http://10.1.2.3/v2",
    "http://192.168.1.7:8080/v2",
    "http://100.64.0.1/v2",
    "http://[fd00::5]/v2",
    "http://gateway/v2",
    "http://gateway.team.svc.cluster.local/v2",
    "http://gateway.internal/v2",
]


@CLIENTS
@pytest.mark.parametrize("url", PUBLIC)
def test_a_key_in_clear(cls: Any, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """http:// to a public host warns once, at the caller's line, from each source."""
    with pytest.warns(UserWarning, match=r"does not encrypt.*https://") as caught:
        cls(KEY, base_url=url)
    assert [warning.filename for warning in caught] == [__file__]
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", url)
    with pytest.warns(UserWarning, match="does not encrypt") as caught:
        cls(KEY)
    assert len(caught) == 1


@CLIENTS
@pytest.mark.parametrize("url", NEAR)
def test_a_key_that_stays_near(cls: Any, url: str) -> None:
    """Neither https:// nor a host of this machine or a private network warns."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cls(KEY, base_url=url)
    assert caught == []


@pytest.mark.parametrize(
    ("variable", "advice"),
    [
        ("SSLKEYLOGFILE", "cannot be written"),
        ("SSL_CERT_FILE", "cannot be read"),
        ("SSL_CERT_DIR", "names no existing directory"),
    ],
)
def test_a_file_of_tls_that_is_not_there(
    driver: Driver,
    variable: str,
    advice: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: pathlib.Path,
) -> None:
    """The error names the variable, and no other; nothing was sent."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv(variable, str(tmp_path / "no" / "file"))
    client = driver.client(base_url="https://192.0.2.1/v2")
    with pytest.raises(ConfigurationError, match=rf"{variable}.*{advice}.*unset it") as caught:
        driver.call(lambda: client.endpoint("ep").status("j"))
    assert str(caught.value).count("SSL") == 1


def test_a_key_log_that_aiohttp_can_not_write() -> None:
    """aiohttp opens the file when it is imported, which can be done again after a correction."""
    code = """
import os, runpod_sdk
os.environ["SSLKEYLOGFILE"] = os.sep
try:
    runpod_sdk.AsyncRunpod("k", transport="aiohttp")
except runpod_sdk.ConfigurationError as error:
    print(error)
del os.environ["SSLKEYLOGFILE"]
runpod_sdk.AsyncRunpod("k", transport="aiohttp")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("SSLKEYLOGFILE: the file cannot be written")
