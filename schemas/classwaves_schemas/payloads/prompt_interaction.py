"""A teacher has acted on a prompt."""
# ruff: noqa: N815  (the names are the wire's)

from typing import Literal

from classwaves_schemas.fields import Identifier
from classwaves_schemas.payloads.payload import Payload

PromptAction = Literal["acknowledge", "use", "dismiss", "snooze", "copy", "save_exit_check"]


class PromptInteraction(Payload):
    """A teacher acted on a guidance prompt."""

    promptId: Identifier | None = None
    """The prompt."""
    action: PromptAction | None = None
    """What the teacher did with it."""
