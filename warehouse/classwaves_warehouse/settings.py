"""The setting that every process with access to the tables shares."""

from pydantic import Field

from classwaves_runtime.settings import Settings


class WarehouseSettings(Settings):
    """The address of the tables; `open_warehouse` opens it."""

    warehouse: str = Field(description="delta:<folder or object-store URL>, or databricks:")
