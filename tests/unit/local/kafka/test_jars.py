from pathlib import Path
from threading import Thread

import pytest

from local.kafka.errors import UnavailableError
from local.kafka.jars import KAFKA, fill, find_java, is_complete, major_version, resolve


@pytest.mark.parametrize(
    ("banner", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('openjdk version "25-ea" 2025-09-16', 25),
        ('java version "1.8.0_392"', 8),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
    ],
)
def test_the_major_version_is_read_from_the_banner(banner: str, version: int | None):
    assert major_version(banner) == version


def _java(home: Path, banner: str) -> None:
    program = home / "bin" / "java"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '{banner}' >&2\n")
    program.chmod(0o755)


def test_an_old_java_is_named_with_its_version_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _java(tmp_path, 'openjdk version "11.0.2"')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(UnavailableError, match="is version 11: install a JDK 17 or later"):
        find_java()


def test_java_home_goes_before_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _java(tmp_path, 'openjdk version "17.0.1"')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert find_java() == tmp_path / "bin" / "java"


def test_no_java_says_where_it_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="No java in PATH"):
        find_java()


def _two_jars(folder: Path) -> None:
    (folder / "kafka.jar").write_bytes(b"classes")
    (folder / "log4j.jar").write_bytes(b"more classes")


def _never(folder: Path) -> None:
    raise AssertionError(f"{folder} was resolved again")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "caches" / "kafka-1"


def test_a_filled_cache_is_complete_and_is_not_resolved_again(cache: Path):
    fill(cache, _two_jars)
    assert is_complete(cache)
    fill(cache, _never)


def test_a_cache_that_does_not_exist_is_not_complete(cache: Path):
    assert not is_complete(cache)


def test_a_lost_jar_makes_the_cache_incomplete_and_is_repaired(cache: Path):
    fill(cache, _two_jars)
    (cache / "log4j.jar").unlink()
    assert not is_complete(cache)
    fill(cache, _two_jars)
    assert is_complete(cache)


def test_a_truncated_jar_makes_the_cache_incomplete(cache: Path):
    fill(cache, _two_jars)
    (cache / "kafka.jar").write_bytes(b"cla")
    assert not is_complete(cache)


def test_an_empty_resolve_never_counts(cache: Path):
    fill(cache, lambda _: None)
    assert not is_complete(cache)


def test_a_resolve_that_died_half_way_never_counts_and_leaves_nothing_behind(cache: Path):
    def dies(folder: Path) -> None:
        (folder / "stale.jar").write_bytes(b"half")
        raise UnavailableError("no network")

    with pytest.raises(UnavailableError, match="no network"):
        fill(cache, dies)
    assert not is_complete(cache)
    fill(cache, _two_jars)
    assert sorted(path.name for path in cache.iterdir()) == ["MANIFEST", "kafka.jar", "log4j.jar"]


def test_of_two_that_fill_the_cache_at_once_one_resolves_and_the_other_waits(cache: Path):
    calls = []

    def resolves_slowly(folder: Path) -> None:
        calls.append(folder)
        other.join(0.2)
        assert other.is_alive()
        _two_jars(folder)

    other = Thread(target=fill, args=(cache, _never))
    first = Thread(
        target=fill, args=(cache, lambda folder: (other.start(), resolves_slowly(folder)))
    )
    first.start()
    first.join()
    other.join()
    assert len(calls) == 1
    assert is_complete(cache)


def test_without_maven_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="install Maven"):
        resolve(KAFKA, tmp_path)
