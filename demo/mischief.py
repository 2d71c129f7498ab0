"""What goes wrong between a classroom and a broker: repeats, disorder, malformed messages, personal fields.

Pure: the same day and seed give the same deliveries in every process, so that each producer can work out its own.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from random import Random
from typing import Any

from classwaves_schemas.verdict import Reason
from demo.delivery import Delivery
from demo.happening import Happening
from demo.lesson import NAMES, PODS
from demo.spoil import SPOILERS

_LAST_EVENT = 0.9  # of the day; the rest is for what comes late


@dataclass(frozen=True, slots=True)
class Mischief:
    """How often things go wrong, each as a share of all events.

    Arguments:
        repeats: sent a second time with the same id, some seconds later, by any pod.
        late: sent some seconds after their turn.
        malformed: followed by a spoilt copy, each kind of refusal in turn.
        personal: told with fields that nobody declared and that name a pupil.
    """

    repeats: float = 0.03
    late: float = 0.03
    malformed: float = 0.01
    personal: float = 0.05

    def deliveries(self, happenings: Sequence[Happening], seconds: float, seed: int) -> list[Delivery]:
        """A day's messages in the order in which they are sent.

        Arguments:
            happenings: the day, in order and not empty.
            seconds: how long the whole day takes to be sent.
            seed: decides what goes wrong.
        """
        rng = Random(seed)
        spoilers = cycle(rng.sample(list(SPOILERS), len(SPOILERS)))
        first, last = happenings[0].at, happenings[-1].at
        scale = seconds * _LAST_EVENT / max((last - first).total_seconds(), 1.0)
        sent = [
            delivery
            for happening in happenings
            for delivery in self._told(happening, (happening.at - first).total_seconds() * scale, rng, spoilers)
        ]
        return sorted((replace(each, due=min(each.due, seconds)) for each in sent), key=lambda each: each.due)

    def _told(self, happening: Happening, due: float, rng: Random, spoilers: Iterator[Reason]) -> Iterator[Delivery]:
        message = happening.message
        if rng.random() < self.personal:
            message = _indiscreet(message, rng)
        if rng.random() < self.late:
            due += rng.uniform(0.2, 3.0)
        value = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
        told = Delivery(due, happening.pod, message["session_id"], message["id"], value)
        yield told
        if rng.random() < self.repeats:
            yield replace(told, due=due + rng.uniform(0.5, 4.0), pod=rng.choice(PODS))
        if rng.random() < self.malformed:
            reason = next(spoilers)
            yield replace(told, value=SPOILERS[reason](message), reason=reason)


def _indiscreet(message: dict[str, Any], rng: Random) -> dict[str, Any]:
    name = rng.choice(NAMES)
    personal = {"studentName": name, "email": f"{name.lower()}@pupils.example", "dateOfBirth": "2014-05-01"}
    return {**message, "displayName": name, "payload": {**message["payload"], **personal}}
