"""A websocket handler that emits with our SDK from an event loop: `python -m demo.websocket_handler ASSIGNMENT`.

It ends with code 0 once the broker has all that it, or an earlier process of the same pod, emitted.
"""

import asyncio
import sys

from classwaves_ingestor.producer import AsyncEventPublisher
from demo.assignment import Assignment
from demo.journal import Answer
from demo.sdk_pod import CLOSE_SECONDS, SdkPod, emission, sdk_pod


async def run(pod: SdkPod, publisher: AsyncEventPublisher) -> None:
    """Emit what is left when it is due; return at the end, or soon after it shall stop."""
    for due, delivery in pod.remaining():
        while wait := pod.wait(due):
            await asyncio.sleep(wait)
        if pod.stop.is_set():
            break
        pod.journal.write(delivery, Answer.INTENDED)
        await publisher.emit(**emission(delivery))
        pod.journal.write(delivery, Answer.RETURNED)


async def main(assignment: Assignment) -> int:
    """Run until the end or a signal; the exit code."""
    with sdk_pod(assignment) as pod:
        publisher = AsyncEventPublisher(
            pod.settings, component=assignment.pod, registry=pod.registry
        )
        pod.health.ready("start")
        await run(pod, publisher)
        await asyncio.to_thread(pod.await_orphans)
        return 1 if await publisher.close(CLOSE_SECONDS) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Assignment.from_command_line())))
