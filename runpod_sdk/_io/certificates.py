"""Trusted certificates: certifi's, or the certificates that the environment names."""

from __future__ import annotations

import os
import re
import ssl
from typing import Final
from urllib.parse import urlsplit

from runpod_sdk._hosts import is_loopback
from runpod_sdk._importing import whole_imports
from runpod_sdk._signals import raised_by_signal_handler
from runpod_sdk.errors import ConfigurationError
from runpod_sdk.settings import Config

_UNKNOWN_AUTHORITY: Final = re.compile(
    r"certificate verify failed: (self[- ]signed|unable to (get|verify))", re.IGNORECASE
)


def tls(config: Config) -> ssl.SSLContext | None:
    """
    Return the TLS context for a client's base URL; None without TLS.

    Raises:
        ConfigurationError: A file that the environment names can't be used.
    """
    url = urlsplit(config.base_url)
    if url.scheme != "https":
        return None
    return context(trust_environment=not is_loopback(url.hostname))


def context(*, trust_environment: bool = True) -> ssl.SSLContext:
    """
    Return a context that trusts `SSL_CERT_FILE` or `SSL_CERT_DIR`, else certifi.

    Raises:
        ConfigurationError: A file that the environment names can't be used.
    """
    created = _create(trust_environment)
    if isinstance(created, str):
        raise ConfigurationError(created)
    created.set_alpn_protocols(["http/1.1"])
    return created


def _create(trust_environment: bool) -> ssl.SSLContext | str:
    """Return a context, or a description of the error in the environment."""
    try:
        cafile, capath = _sources(trust_environment)
        created = ssl.create_default_context(cafile=cafile, capath=capath)
    except OSError as error:  # its `filename` may be None
        if raised_by_signal_handler(error):
            raise
        return fault(error)
    return (_missing_folder() if trust_environment else "") or created


def _sources(trust_environment: bool) -> tuple[str | None, str | None]:
    """Return the file, or the directories, with the trusted certificates."""
    if trust_environment and (file := os.environ.get("SSL_CERT_FILE")):
        return file, None
    if trust_environment and (folders := os.environ.get("SSL_CERT_DIR")):
        return None, folders
    with whole_imports():
        import certifi  # it imports much, which a client without TLS does not need

    return certifi.where(), None


def _missing_folder() -> str:
    """Return an error if `SSL_CERT_DIR` is used and names no directory, which OpenSSL ignores."""
    folders = os.environ.get("SSL_CERT_DIR")
    if not folders or os.environ.get("SSL_CERT_FILE"):
        return ""
    if any(map(os.path.isdir, folders.split(os.pathsep))):
        return ""
    return "SSL_CERT_DIR names no existing directory: correct it, or unset it"


def fault(error: OSError) -> str:
    """Return a message that names the variable with the unusable file."""
    why = error.strerror or str(error)
    log = os.environ.get("SSLKEYLOGFILE")
    if log and error.filename == log:
        return f"SSLKEYLOGFILE: the file cannot be written ({why}): correct it, or unset it"
    variable = "SSL_CERT_FILE" if os.environ.get("SSL_CERT_FILE") else "SSL_CERT_DIR"
    return f"{variable}: the certificates cannot be read ({why}): correct it, or unset it"


def advice(text: str, *, own_http: bool) -> str:
    """Return advice for the connection failure that *text* describes; empty if there is none."""
    if not _UNKNOWN_AUTHORITY.search(text):
        return ""
    if not own_http:
        return "; your http_client does not trust the certificate's authority: see verify="
    return (
        "; if your company's proxy or authority signed the certificate, set SSL_CERT_FILE to a PEM"
        " file with the authority's certificate (REQUESTS_CA_BUNDLE is not read)"
    )
