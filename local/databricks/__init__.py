"""A local Databricks SQL endpoint: its Thrift protocol, with Spark SQL and Delta behind it.

    with Endpoint.create() as endpoint, endpoint.connect() as connection:
        endpoint.faults.lose_reply(matching="MERGE")
        ...
        assert len(endpoint.log.statements("MERGE")) == 2

The endpoint was never compared with a real workspace. It shows what the connector does, and
what Spark and Delta do.
"""

from local.databricks.control import FaultControl, StatementLog
from local.databricks.endpoint import Endpoint
from local.databricks.errors import EndpointError

__all__ = ["Endpoint", "EndpointError", "FaultControl", "StatementLog"]
