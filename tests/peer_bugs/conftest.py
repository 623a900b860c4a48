"""The fixtures are those of the tests through the public API."""

from tests.facade.conftest import driver, no_configuration, portal_of

__all__ = ["driver", "no_configuration", "portal_of"]
