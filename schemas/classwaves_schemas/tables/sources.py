"""The sources of the rollup. All but session_events belong to the backend and are never changed.

Columns that the backend requires are declared as required.
"""

from classwaves_schemas.tables.metrics import EDUCATIONAL_METRICS, GROUP_METRICS, SESSION_METRICS
from classwaves_schemas.tables.operations import API_METRICS, SYSTEM_EVENTS
from classwaves_schemas.tables.session_events import SESSION_EVENTS
from classwaves_schemas.tables.sessions import CLASSROOM_SESSIONS, STUDENT_GROUPS

SOURCES = (
    SESSION_EVENTS,
    SESSION_METRICS,
    GROUP_METRICS,
    EDUCATIONAL_METRICS,
    CLASSROOM_SESSIONS,
    STUDENT_GROUPS,
    SYSTEM_EVENTS,
    API_METRICS,
)
"""In the order of the facts. A missing or empty source leaves its columns NULL."""
