from unittest.mock import Mock

from demo import sdk_pod
from demo.sdk_pod import SdkPod


def test_a_pod_that_has_nothing_left_to_tell_waits_for_the_spool_of_the_process_before(
    tmp_path, monkeypatch
):
    orphan = tmp_path / "0.spool"
    orphan.touch()
    monkeypatch.setattr(sdk_pod.time, "sleep", lambda _: orphan.unlink())
    SdkPod(*[Mock()] * 6, orphans=[orphan]).await_orphans()
    assert not orphan.exists()
