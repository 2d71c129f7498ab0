"""The settings of the rollup. Each command reads the smallest class that it needs."""

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat

from classwaves_warehouse.settings import WarehouseSettings


class RollupSettings(WarehouseSettings):
    """The ingestor whose progress makes an hour complete, and the rates of the estimates."""

    ingestor_group: str = Field(
        default="session-events-ingestor", min_length=1, description="a consumer group's name"
    )
    session_events_topic: str = Field(
        default="classwaves.session-events.v1", min_length=1, description="a topic's name"
    )
    rollup_storage_gb_per_minute: NonNegativeFloat | None = Field(
        default=None,
        description="gigabytes stored per session minute; unset: storage is not estimated",
    )
    rollup_cost_per_minute: NonNegativeFloat | None = Field(
        default=None,
        description="computing cost per session minute; unset: cost is not estimated",
    )


class WorkerSettings(RollupSettings):
    """The settings of the worker's process."""

    http_port: Annotated[int, Field(ge=0, le=65_535)] = Field(
        default=0,
        description=(
            "where to serve /metrics, /healthz and /readyz; 0 takes a free port, which is logged"
        ),
    )
    drain_seconds: PositiveFloat = Field(
        default=20.0, description="seconds from SIGTERM until the process ends"
    )
