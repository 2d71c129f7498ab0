"""Errors of the warehouse.

WarehouseError
├── WarehouseUnavailable   try the same call again
│   └── WarehouseWarming   a cold start, which takes minutes
├── WarehouseRefused       missing credentials or grants, or a wrong statement
├── TableMissing           run `ingestor tables migrate`
├── TableMismatch          a table and its contract differ
├── ConcurrentWrite        another writer changed the same rows; read again and repeat
│   └── ReplacedTooLate    detected after our commit; the other rows may be lost
├── VersionGone            an old version of a table can no longer be read
├── AnswerTooLarge         ask for fewer hours or schools
├── DamagedRun             a file with identities for deduplication is damaged; read the table
└── TopicRecreated         the positions belong to another topic id
WarehouseAddressError      a SettingsError: WAREHOUSE is not valid
"""

from classwaves_runtime.errors import ClassWavesError, SettingsError


class WarehouseError(ClassWavesError):
    """The warehouse refused a call or failed."""


class WarehouseUnavailable(WarehouseError):
    """The warehouse did not answer. Call again to find out whether the call took effect."""


class WarehouseWarming(WarehouseUnavailable):
    """The warehouse is starting up, which takes minutes. Try the same call again."""


class WarehouseRefused(WarehouseError):
    """The warehouse does not allow this call. Another attempt does not help."""


class TableMissing(WarehouseError):
    """A table does not exist."""


class TableMismatch(WarehouseError):
    """A table or its rows differ from the contract."""


class ConcurrentWrite(WarehouseError):
    """Another writer changed the same rows. Nothing was written."""


class ReplacedTooLate(ConcurrentWrite):
    """Another writer changed the same rows just before our commit, which may have replaced them."""


class VersionGone(WarehouseError):
    """A version of a table can no longer be read."""


class AnswerTooLarge(WarehouseError):
    """The answer has more rows than a reader returns."""


class DamagedRun(WarehouseError):
    """A file with identities for deduplication is not complete, or cannot be read."""


class TopicRecreated(WarehouseError):
    """The topic was deleted and created again since its positions were stored."""


class WarehouseAddressError(SettingsError):
    """WAREHOUSE is not delta:<folder or object-store URL>, databricks: or memory:."""
