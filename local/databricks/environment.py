"""The settings by which a process finds an endpoint on this machine."""

HTTP_PATH = "/sql/1.0/warehouses/test"
CATALOG = "classwaves"


def environment(port: int) -> dict[str, str]:
    """The environment of a process that is to work on the endpoint at this port."""
    return {
        "WAREHOUSE": "databricks:",
        "DATABRICKS_HOST": f"http://localhost:{port}",
        "DATABRICKS_TOKEN": "local",
        "DATABRICKS_WAREHOUSE_ID": HTTP_PATH.rpartition("/")[2],
        "DATABRICKS_CATALOG": CATALOG,
        "NO_PROXY": "localhost",  # the connector heeds proxies
    }
