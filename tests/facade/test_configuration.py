"""How a client finds its key and its base URL, and which arguments it refuses."""

from __future__ import annotations

import os
import pathlib
from datetime import timedelta
from typing import Any

import pytest

from runpod_sdk import AsyncRunpod, ConfigurationError, Runpod, RunpodError
from tests.facade.clients import BASE_URL, KEY, Driver, Script, job

CLIENTS = pytest.mark.parametrize("cls", [Runpod, AsyncRunpod])


def write_config(text: str | bytes) -> pathlib.Path:
    """Write the file of RunPod's own tools, in the home of this test."""
    path = pathlib.Path.home() / ".runpod" / "config.toml"
    path.parent.mkdir()
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def key_sent(driver: Driver, **options: Any) -> str:
    """Say which key a client sends."""
    script = Script(job())
    endpoint = driver.endpoint(script, **{"api_key": None, **options})
    driver.call(lambda: endpoint.status("x"))
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
@pytest.mark.parametrize("text", [b"[default\n", b"\xff\xfe\x00", b"api_key = "])
def test_a_file_that_is_not_toml(cls: Any, text: bytes) -> None:
    """A broken file is named, without a word of what stands in it."""
    write_config(text)
    with pytest.raises(ConfigurationError, match=r"config\.toml"):
        cls()


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
@pytest.mark.parametrize("key", [key for key in BAD_KEYS if "\x00" not in key], ids=ascii)
def test_a_bad_key_by_variable(cls: Any, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same of the variable; one that is set but blank does not fall through to the file."""
    monkeypatch.setenv("RUNPOD_API_KEY", key)
    write_config('[default]\napi_key = "of-the-file"\n')
    with pytest.raises(ConfigurationError, match="RUNPOD_API_KEY"):
        cls()


@CLIENTS
@pytest.mark.parametrize("value", ["''", "'  '", '"a\\n"', "12", "['a']"])
def test_a_bad_key_by_file(cls: Any, value: str) -> None:
    """The same of the file, where a key may even be no string."""
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
        driver.call(lambda: endpoint.status("x"))
        return str(script.last.url)

    assert asked(base_url=None) == "https://api.runpod.ai/v2/ep/status/x"
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", "https://variable.test/v3")
    assert asked(base_url=None) == "https://variable.test/v3/ep/status/x"
    assert asked(base_url="http://argument.test") == "http://argument.test/ep/status/x"
    assert asked(base_url="http://argument.test/a/") == "http://argument.test/a/ep/status/x"
    assert asked(base_url="http://host/@me/v2") == "http://host/@me/v2/ep/status/x"
    assert asked(base_url="http://[::1]:8080/v2") == "http://[::1]:8080/v2/ep/status/x"


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
    """What can't be a base URL is refused, whichever way it came, and no password is shown."""
    with pytest.raises(ConfigurationError, match="base_url") as caught:
        cls(KEY, base_url=url)
    assert "hunter2" not in str(caught.value)
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


@CLIENTS
@pytest.mark.parametrize("endpoint_id", ["", " ", ".", "..", "\n", " .. "], ids=ascii)
def test_an_endpoint_id_that_is_none(cls: Any, endpoint_id: str) -> None:
    """An id is one segment of a path."""
    with pytest.raises(ValueError, match="endpoint_id"):
        cls(KEY).endpoint(endpoint_id)


@CLIENTS
@pytest.mark.parametrize("endpoint_id", [None, 5, b"ep"], ids=repr)
def test_an_endpoint_id_that_is_no_string(cls: Any, endpoint_id: Any) -> None:
    """A missing environment variable, for one, is None."""
    with pytest.raises(TypeError, match="endpoint_id"):
        cls(KEY).endpoint(endpoint_id)


def test_the_environment_is_not_changed() -> None:
    """Making a client leaves the environment as it was."""
    before = dict(os.environ)
    Runpod(KEY)
    AsyncRunpod(KEY)
    assert dict(os.environ) == before


def test_certificates_that_are_not_there(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """A file of certificates that the environment names in vain is told by that variable."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    client = driver.client(base_url="https://192.0.2.1/v2")
    with pytest.raises(ConfigurationError, match=r"SSL_CERT_FILE.*No such file"):
        driver.call(lambda: client.endpoint("ep").status("j"))
