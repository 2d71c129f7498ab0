"""What goes wrong between a classroom and a broker: repeats, disorder, malformed messages, personal fields.

Pure: the same day and seed give the same deliveries in every process, so that each producer can work out its own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import cycle
from random import Random
from typing import Any

from classwaves_schemas.verdict import Reason
from demo.delivery import Delivery
from demo.happening import Happening
from demo.lesson import NAMES, PLAIN_PODS
from demo.spoil import SPOILERS


@dataclass(frozen=True, slots=True)
class Mischief:
    """How often things go wrong, each as a share of all events.

    Args:
        repeats: sent again with the same id some seconds later: of the plain producers' events, by any of them.
        late: sent some seconds after their turn.
        malformed: followed by a spoilt copy from a plain producer, each kind of refusal in turn.
        personal: told with fields that nobody declared and that name a pupil.
    """

    repeats: float = 0.08
    late: float = 0.03
    malformed: float = 0.01
    personal: float = 0.05

    def deliveries(
        self, happenings: Iterable[Happening], begins: datetime, seconds: float, seed: int
    ) -> list[Delivery]:
        """A day's messages in the order in which they are sent.

        Args:
            happenings: the day, told live.
            begins: the time from which `Delivery.due` counts.
            seconds: after which nothing is sent, however late it is.
            seed: decides what goes wrong.
        """
        rng = Random(seed)
        spoilers = cycle(rng.sample(list(SPOILERS), len(SPOILERS)))
        sent = [
            delivery
            for happening in happenings
            for delivery in self._sent(
                happening, (happening.at - begins).total_seconds(), rng, spoilers
            )
        ]
        return sorted(
            (replace(each, due=min(each.due, seconds)) for each in sent), key=lambda each: each.due
        )

    def _sent(
        self, happening: Happening, due: float, rng: Random, spoilers: Iterator[Reason]
    ) -> Iterator[Delivery]:
        message = happening.message
        if rng.random() < self.personal:
            message = _indiscreet(message, rng)
        if rng.random() < self.late:
            due += rng.uniform(0.2, 3.0)
        sent = Delivery(due, happening.pod, message)
        yield sent
        if happening.pod in PLAIN_PODS and rng.random() < self.repeats:
            yield replace(sent, due=due + rng.uniform(0.5, 4.0), pod=rng.choice(PLAIN_PODS))
        if rng.random() < self.malformed:
            yield replace(sent, pod=rng.choice(PLAIN_PODS), reason=next(spoilers))


def _indiscreet(message: dict[str, Any], rng: Random) -> dict[str, Any]:
    name = rng.choice(NAMES)
    personal = {
        "studentName": name,
        "email": f"{name.lower()}@pupils.example",
        "dateOfBirth": "2014-05-01",
    }
    return {**message, "displayName": name, "payload": {**message["payload"], **personal}}
