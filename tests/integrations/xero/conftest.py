"""A connection to the Xero sandbox, with new books for each test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from billing.models import BusinessEntity
from integrations.models import Connection
from integrations.sandbox.server import start_in_thread
from tests.integrations.books import Books
from tests.integrations.conftest import connecting


@pytest.fixture
def box() -> Iterator[Any]:
    """The Xero sandbox, in a thread, with new books."""
    with start_in_thread("xero", port=0, limits="off") as server:
        yield server


@pytest.fixture
def books(box: Any) -> Books:
    return Books(box.url)


@pytest.fixture
def connect(entity: BusinessEntity, box: Any) -> Callable[..., Connection]:
    """Sign in to the sandbox: `connect(mode="documents", payments=True)`."""

    return connecting(entity, "xero", box.url)
