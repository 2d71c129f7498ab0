from unittest.mock import Mock

from demo.sdk_producer import SdkPod


def test_a_pod_without_further_events_waits_for_the_spool_of_its_predecessor(tmp_path):
    orphan = tmp_path / "0.spool"
    orphan.touch()
    pod = SdkPod(*[Mock()] * 6, orphans=[orphan])
    pod.await_orphans(sleep=lambda _: orphan.unlink())
    assert not orphan.exists()
