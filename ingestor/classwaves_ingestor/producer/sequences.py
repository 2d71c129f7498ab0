"""Who emits, and the number of each event in its session."""

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
    """Numbers that are dense from 1 per session and source.

    A process meets new sessions for ever. Once it knows `max_sessions` it begins a new source and forgets them: the
    numbers stay dense, and memory stays bounded.

    Args:
        component: the service that emits.
        max_sessions: how many sessions one source may number.
        new_instance: makes a text that nobody else makes.

    Raises:
        SettingsError: the component is no identifier.
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
        self.renew()

    def complete(self, draft: Draft) -> bytes:
        """The whole message of a draft, with the number that is next in its session. Nothing is spent yet."""
        last = self._last.get(draft.session_id)
        if last is None:
            last = 0
            if len(self._last) >= self._max_sessions:
                self.renew()
        return b'%b,"source":%b,"sequence":%d}' % (draft.text, self._source_text, last + 1)

    def spend(self, session_id: str) -> None:
        """The number that `complete` told last for this session belongs to an event now."""
        self._last[session_id] = self._last.get(session_id, 0) + 1

    def renew(self) -> None:
        """Begin a new source, whose numbers begin at 1."""
        self.source = f"{self._component}/{self._new_instance()}"
        try:
            _identifier.validate_python(self.source)
        except ValidationError as error:
            raise SettingsError(
                f"component: {error.errors()[0]['msg']} together with a UUID."
            ) from None
        self._source_text = to_json(self.source)
        self._last.clear()
