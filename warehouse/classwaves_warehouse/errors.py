"""What can go wrong at the warehouse.

WarehouseError
├── WarehouseUnavailable   try the same call again
│   └── WarehouseWarming   it is starting up, which takes minutes
├── WarehouseRefused       credentials or grants are not enough
├── TableMissing           run `ingestor tables migrate`
├── TableMismatch          a table and its contract disagree
├── ConcurrentWrite        somebody else wrote the same rows; read again and redo
│   └── ReplacedTooLate    and ours may be in their place now
├── VersionGone            an old version of a table can be read no longer
├── TopicRecreated         the topic's id is not the one that the positions were made for
└── WarehouseAddressError  WAREHOUSE cannot be understood
"""

from classwaves_runtime.errors import ClassWavesError, SettingsError


class WarehouseError(ClassWavesError):
    """The warehouse refused or failed."""


class WarehouseUnavailable(WarehouseError):
    """The warehouse did not answer; whether anything was stored is settled by calling again."""


class WarehouseWarming(WarehouseUnavailable):
    """The warehouse is starting up; try the same call again, for minutes."""


class WarehouseRefused(WarehouseError):
    """The warehouse does not let us do this; trying again will not help."""


class TableMissing(WarehouseError):
    """A table does not exist."""


class TableMismatch(WarehouseError):
    """A table does not have the columns of its contract."""


class ConcurrentWrite(WarehouseError):
    """Somebody else wrote the same rows meanwhile; nothing was written."""


class ReplacedTooLate(ConcurrentWrite):
    """Somebody else wrote the same rows a moment before; ours may be in their place now."""


class VersionGone(WarehouseError):
    """A version of a table can be read no longer."""


class TopicRecreated(WarehouseError):
    """The topic was deleted and created again since positions were recorded."""


class WarehouseAddressError(SettingsError):
    """WAREHOUSE is neither delta:<folder or object-store URL> nor databricks: nor memory:."""
