"""A session controller that emits with our SDK: `python -m demo.session_controller ASSIGNMENT`.

It ends with code 0 once the broker has all that it, or an earlier process of the same pod, emitted.
"""

import sys
import time

from classwaves_ingestor.producer import EventPublisher
from demo.assignment import Assignment
from demo.journal import Answer
from demo.sdk_pod import CLOSE_SECONDS, SdkPod, emission, sdk_pod


def run(pod: SdkPod, publisher: EventPublisher) -> None:
    """Emit what is left when it is due; return at the end, or soon after it shall stop."""
    for due, delivery in pod.remaining():
        while wait := pod.wait(due):
            time.sleep(wait)
        if pod.stop.is_set():
            break
        pod.journal.write(delivery, Answer.INTENDED)
        publisher.emit(**emission(delivery))
        pod.journal.write(delivery, Answer.RETURNED)


def main(assignment: Assignment) -> int:
    """Run until the end or a signal; the exit code."""
    with sdk_pod(assignment) as pod:
        publisher = EventPublisher(pod.settings, component=assignment.pod, registry=pod.registry)
        pod.health.ready("start")
        run(pod, publisher)
        pod.await_orphans()
        return 1 if publisher.close(CLOSE_SECONDS) else 0


if __name__ == "__main__":
    sys.exit(main(Assignment.from_command_line()))
