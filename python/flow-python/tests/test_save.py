"""A file is there completely or not at all: what fails leaves the old one."""

import os
import stat

import pytest

import flow_embedded as fe


def test_a_file_is_replaced_when_the_new_one_is_complete(small, tmp_path):
    model, _ = small
    path, link = tmp_path / "model.flow", tmp_path / "link.flow"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to("model.flow")
    model.save(link)
    assert link.is_symlink() and fe.load(path) == model
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["link.flow", "model.flow"]
    path.chmod(0o440)
    with pytest.raises(OSError, match="model.flow can't be written: it exists and is read-only"):
        model.save(path)
    with pytest.raises(OSError, match="can't be written: the folder .*none does not exist"):
        model.save(tmp_path / "none" / "model.flow")


@pytest.mark.skipif("not os.path.exists('/dev/full')", reason="the system has no /dev/full")
def test_a_full_disk_is_told(small):
    with pytest.raises(OSError, match="/dev/full can't be written"):
        small[0].save("/dev/full")


def test_a_save_that_fails_leaves_the_old_file(small, tmp_path):
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    path = tmp_path / "model.flow"
    path.write_bytes(b"old")
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        # No file may be larger: the disk seems to be full in the middle of the model.
        resource.setrlimit(resource.RLIMIT_FSIZE, (512, before[1]))
        with pytest.raises(OSError, match="model.flow can't be written"):
            small[0].save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["model.flow"]
