"""The source of the events, and their sequence numbers."""

from collections.abc import Callable

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from classwaves_ingestor.producer.draft import Draft
from classwaves_runtime.errors import SettingsError
from classwaves_schemas.fields import Identifier
from classwaves_schemas.identity import new_event_id

MAX_SESSIONS = 100_000
_identifier: TypeAdapter[str] = TypeAdapter(Identifier)


class Sequences:
    """Sequence numbers, dense from 1 per session and source.

    After `max_sessions` sessions a new source begins: the numbers stay dense and memory bounded.

    Args:
        component: name of the service.
        max_sessions: number of sessions per source.
        new_instance: returns a unique text.

    Raises:
        SettingsError: the component is not an identifier.
    """

    def __init__(
        self,
        component: str,
        max_sessions: int = MAX_SESSIONS,
        new_instance: Callable[[], str] = new_event_id,
    ) -> None:
        self._component = component
        self._max_sessions = max_sessions
        self._new_instance = new_instance
        self._last: dict[str, int] = {}
        self.new_source()

    def complete(self, draft: Draft) -> bytes:
        """The message of a draft with the next number of its session; `commit` uses it up."""
        last = self._last.get(draft.session_id)
        if last is None:
            last = 0
            if len(self._last) >= self._max_sessions:
                self.new_source()
        return b'%b,"source":%b,"sequence":%d}' % (draft.text, self._source_text, last + 1)

    def commit(self, session_id: str) -> None:
        """Use up the number that `complete` returned last for this session."""
        self._last[session_id] = self._last.get(session_id, 0) + 1

    def new_source(self) -> None:
        """Begin a new source; its numbers start at 1."""
        self.source = f"{self._component}/{self._new_instance()}"
        try:
            _identifier.validate_python(self.source)
        except ValidationError as error:
            raise SettingsError(
                f"component: {error.errors()[0]['msg']} together with a UUID."
            ) from None
        self._source_text = to_json(self.source)
        self._last.clear()
