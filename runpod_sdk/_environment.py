"""
Find a client's API key and base URL in arguments, environment variables and a file.

An empty variable counts as unset. A function in this module that raises has no key in a local
variable, because tools that record a traceback's variables would show the key.
"""

from __future__ import annotations

import os
import re
import sys
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
"""Signs of a key that was not copied exactly, with the remark in the error."""


@frozen
class ApiKey:
    """An API key and its source."""

    value: str = field(repr=False)
    source: str
    """The source of the key, for messages."""

    @property
    def origin(self) -> str:
        """The source, with a remark if the key looks wrong, for the error after a refusal."""
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
    Return the key from the caller's `api_key` function.

    Raises:
        ConfigurationError: The returned value is not a valid key.
    """
    found, key = _checked(key, "what the api_key function returned"), None
    if isinstance(found, ApiKey):
        return found
    raise ConfigurationError(found)


def _checked(key: object, source: str) -> ApiKey | str:
    """Return the key, or a message about its error."""
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
    """Return the key from RunPod's configuration file, or a message why there is none."""
    none = f"no API key: set {API_KEY_VARIABLE}, pass api_key=…, or write one to {CONFIG_FILE}"
    home = _home()
    if home is None:
        return f"{none} (which was not read: HOME is not set and the user has no passwd entry)"
    try:
        with open(os.path.join(home, CONFIG_FILE.removeprefix("~/")), "rb") as file:
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
    """Return the decoded file, or a message about its error."""
    import tomllib

    try:
        return tomllib.loads(content.decode("utf-8-sig"))  # some editors begin with a BOM
    except UnicodeDecodeError:
        return "is not UTF-8: save it as UTF-8"
    except ValueError:  # invalid TOML, or an integer that is too long; its text may quote the file
        return "is not valid TOML: correct it, or write a new one"
    except RecursionError:
        return "is nested too deeply: write a new one"


def _home() -> str | None:
    """Return the home directory, or None if it is unknown."""
    home = os.path.expanduser("~")
    if sys.platform != "win32" and os.environ.get("HOME") == "":
        import pwd

        try:
            home = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            return None
    return None if home.startswith("~") else home


def find_base_url(explicit: str | None) -> str:
    """
    Return *explicit*, else the variable, else RunPod's URL; warn if it is public and not https.

    Raises:
        ConfigurationError: The base URL is invalid.
    """
    if explicit is not None:
        url, explicit, source = explicit, None, "base_url"
    else:
        url, source = os.environ.get(BASE_URL_VARIABLE) or BASE_URL, BASE_URL_VARIABLE
    requirement = _violated_requirement(url)
    if requirement:
        del url  # it may contain a password
        raise ConfigurationError(f"{source} must {requirement}")
    url = url.rstrip("/")
    parts = urlsplit(url)
    if parts.scheme == "http" and is_public(parts.hostname or ""):
        warn(f"{url} does not encrypt the API key: use https://")
    return url


def _violated_requirement(url: str) -> str:
    """Return the requirement that a base URL violates; empty if it is valid."""
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in ("http", "https") and is_host(parts.hostname or "")
        is_valid = is_valid and parts.port != 0
        secret = "@" in parts.netloc or (not is_valid and "@" in url)
    except (ValueError, AttributeError, TypeError):
        return f"be a URL such as {BASE_URL}"
    if secret:  # checked first, because the other messages show the URL
        return "not contain a user name or a password"
    if not is_valid or not url.isprintable() or " " in url:
        return f"be a URL such as {BASE_URL}, not {url!r}"
    if parts.query or parts.fragment or {".", ".."} & set(parts.path.split("/")):
        return f"end with a path, without '?', '#' or '..', not {url!r}"
    return ""
