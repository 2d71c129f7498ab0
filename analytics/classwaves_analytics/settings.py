"""The settings of the read side."""

from pydantic import Field

from classwaves_runtime.settings import Settings


class AnalyticsSettings(Settings):
    """Where the tables are."""

    warehouse: str = Field(description="delta:<folder or object-store URL>")
