"""How far the sources of events are stored."""

from dataclasses import dataclass
from datetime import datetime

from classwaves_warehouse.hours import Hours


@dataclass(frozen=True, slots=True)
class Ingestion:
    """Whose progress makes an hour complete.

    Args:
        group: the consumer group that stores events.
        topic: the topic's name.
    """

    group: str
    topic: str

    def passed(self, hours: Hours) -> datetime | None:
        """The broker's time up to which every partition is stored; None while that of one is unknown.

        Raises:
            WarehouseUnavailable: it could not be read.
        """
        untils = hours.stored_until(self.group, self.topic).values()
        known = [until for until in untils if until is not None]
        return min(known) if known and len(known) == len(untils) else None
