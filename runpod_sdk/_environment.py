"""
How a client finds its API key and its base URL: arguments, variables, a file.

A variable that is empty counts as unset. No function here that raises has a key in a local
variable: tools that record the variables of a traceback would show it.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import field, frozen

from runpod_sdk._hosts import is_host, is_public
from runpod_sdk._signals import raised_by_signal_handler
from runpod_sdk._warn import warn
from runpod_sdk.errors import ConfigurationError

BASE_URL: Final = "https://api.runpod.ai/v2"
BASE_URL_VARIABLE: Final = "RUNPOD_ENDPOINT_BASE_URL"
API_KEY_VARIABLE: Final = "RUNPOD_API_KEY"
CONFIG_FILE: Final = "~/.runpod/config.toml"
_LARGEST_FILE: Final = 2**20

_SUSPICIOUS: Final = (
    (re.compile(r"^[\"'`]|[\"'`]$"), "it is enclosed in quotes: remove them"),
    (re.compile(r"^bearer\b", re.IGNORECASE), 'it begins with "Bearer": use the key alone'),
    (re.compile(r"\s"), "it contains white space: use the key alone"),
    (re.compile(r"^\w+=|^\$|^<|^\{"), "it looks like a placeholder or an assignment"),
)
"""What a key has that was not copied as it is, and what is said of it."""


@frozen
class ApiKey:
    """An API key, and where it came from."""

    value: str = field(repr=False)
    source: str
    """Where the key was found, as a message says it."""

    @property
    def origin(self) -> str:
        """The source, with what looks wrong about the key, for the message of a refusal."""
        for pattern, remark in _SUSPICIOUS:
            if pattern.search(self.value):
                return f"{self.source}; {remark}"
        return self.source


def find_api_key(explicit: str | None) -> ApiKey:
    """
    Return *explicit*, else the key in the environment variable, else the key in the file.

    Raises:
        ConfigurationError: The key is missing or invalid.
    """
    if explicit is not None:
        found, explicit = _checked(explicit, "api_key="), None
    elif os.environ.get(API_KEY_VARIABLE):
        found = _checked(os.environ[API_KEY_VARIABLE], API_KEY_VARIABLE)
    else:
        found = _stored_api_key()
    if isinstance(found, ApiKey):
        return found
    raise ConfigurationError(found)


def key_from_function(key: object) -> ApiKey:
    """
    Return the key that a program's own function has returned.

    Raises:
        ConfigurationError: It can't be a key.
    """
    found, key = _checked(key, "what the api_key function returned"), None
    if isinstance(found, ApiKey):
        return found
    raise ConfigurationError(found)


def _checked(key: object, source: str) -> ApiKey | str:
    """Return the key, or what is wrong with it."""
    if not isinstance(key, str):
        return f"{source} must be a string, not a {type(key).__name__}"
    if not key.strip():
        return f"{source} is blank: set a key, or omit it"
    if not (key.isascii() and key.isprintable()) or key != key.strip():
        return (
            f"{source} contains a character that is invalid in an API key, such as a line break or"
            " a leading or trailing space: remove it"
        )
    return ApiKey(key, source)


def _stored_api_key() -> ApiKey | str:
    """Return the key in RunPod's own file, or why there is none."""
    none = f"no API key: pass api_key=…, set {API_KEY_VARIABLE}, or write one to {CONFIG_FILE}"
    home = _home()
    if home is None:
        return f"{none} (which was not read: HOME is not set and the user has no passwd entry)"
    try:
        with home.joinpath(CONFIG_FILE.removeprefix("~/")).open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except (FileNotFoundError, NotADirectoryError):
        return none
    except (OSError, ValueError) as error:
        if raised_by_signal_handler(error):
            raise
        why = getattr(error, "strerror", None) or "its path contains an invalid character"
        return f"no API key: {CONFIG_FILE} cannot be read: {why}"
    if len(content) > _LARGEST_FILE:
        return f"no API key: {CONFIG_FILE} is larger than 1 MiB: write a new one"
    document = _toml(content)
    if isinstance(document, str):
        return f"no API key: {CONFIG_FILE} {document}"
    profile = document.get("default")
    if isinstance(profile, dict) and "api_key" in profile:
        return _checked(profile["api_key"], f"api_key under [default] in {CONFIG_FILE}")
    if "apikey" in document:  # as runpodctl writes it
        return _checked(document["apikey"], f"apikey in {CONFIG_FILE}")
    return f"{none}: that file contains neither api_key under [default] nor a top-level apikey"


def _toml(content: bytes) -> dict[str, Any] | str:
    """Return the decoded file, or what is wrong with it."""
    import tomllib

    try:
        return tomllib.loads(content.decode("utf-8-sig"))  # some editors begin with a BOM
    except UnicodeDecodeError:
        return "is not UTF-8: save it as UTF-8"
    except ValueError:  # whose text may quote the file: no TOML, or an integer that is too long
        return "is not valid TOML: correct it, or write a new one"
    except RecursionError:
        return "is nested too deeply: write a new one"


def _home() -> Path | None:
    """Return the home directory, if it can be told."""
    try:
        if sys.platform != "win32" and os.environ.get("HOME") == "":
            import pwd

            return Path(pwd.getpwuid(os.getuid()).pw_dir)
        return Path.home()
    except (RuntimeError, KeyError):
        return None


def find_base_url(explicit: str | None) -> str:
    """
    Return *explicit*, else the variable, else RunPod's own; warn if it is public and not https.

    Raises:
        ConfigurationError: It can't be a base URL.
    """
    if explicit is not None:
        url, explicit, source = explicit, None, "base_url"
    else:
        url, source = os.environ.get(BASE_URL_VARIABLE) or BASE_URL, BASE_URL_VARIABLE
    fault = _fault_of_url(url)
    if fault:
        del url  # it may have a password in it
        raise ConfigurationError(f"{source} must {fault}")
    url = url.rstrip("/")
    parts = urlsplit(url)
    if parts.scheme == "http" and is_public(parts.hostname or ""):
        warn(f"{url} does not encrypt the API key: use https://")
    return url


def _fault_of_url(url: str) -> str:
    """Say what a base URL must be that this one is not; of a good one, nothing."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and is_host(parts.hostname or "")
        good = good and parts.port != 0
        secret = "@" in parts.netloc or (not good and "@" in url)
    except (ValueError, AttributeError, TypeError):
        return f"be a URL such as {BASE_URL}"
    if secret:  # looked for first, as all else shows the URL
        return "not contain a user name or a password"
    if not good or not url.isprintable() or " " in url:
        return f"be a URL such as {BASE_URL}, not {url!r}"
    if parts.query or parts.fragment or {".", ".."} & set(parts.path.split("/")):
        return f"end with a path, without '?', '#' or '..', not {url!r}"
    return ""
