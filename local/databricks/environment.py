"""Settings with which a process connects to an endpoint on this machine."""

HTTP_PATH = "/sql/1.0/warehouses/test"
CATALOG = "classwaves"


def environment(port: int) -> dict[str, str]:
    """Environment variables for a process that uses the endpoint on this port of localhost."""
    return {
        "WAREHOUSE": "databricks:",
        "DATABRICKS_HOST": f"http://localhost:{port}",
        "DATABRICKS_TOKEN": "local",
        "DATABRICKS_WAREHOUSE_ID": HTTP_PATH.rpartition("/")[2],
        "DATABRICKS_CATALOG": CATALOG,
        "NO_PROXY": "localhost",  # the connector uses the environment's proxies
    }
