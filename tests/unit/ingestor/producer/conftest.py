import pytest
from prometheus_client import CollectorRegistry

from classwaves_ingestor.producer import MemoryTransport


@pytest.fixture
def topic():
    return MemoryTransport()


@pytest.fixture
def registry():
    return CollectorRegistry()
