from classwaves_warehouse.delta.app_ids import id_shard_app_id
from classwaves_warehouse.delta.dedup.unindexed_files import UnindexedFiles
from classwaves_warehouse.delta.log import Entry


def commit(*added, shards=(), copies=(), removed=()):
    transactions = {id_shard_app_id(shard): 1 for shard in shards}
    return Entry(transactions, added, copies, removed, token=None)


def unindexed(*entries):
    files = UnindexedFiles()
    for entry in entries:
        files.add(entry)
    return files


def test_a_file_is_needed_for_the_shards_of_its_commit():
    files = unindexed(commit("a", shards=[1, 2]), commit("b", shards=[3]))
    assert files.of_shards(frozenset([2, 7])) == ["a"]
    assert files.of_shards(frozenset([7])) == []


def test_a_file_of_a_foreign_writer_is_needed_for_every_shard():
    assert unindexed(commit("a")).of_shards(frozenset([42])) == ["a"]


def test_a_file_with_copied_rows_is_needed_for_the_shards_of_the_files_that_it_replaces():
    files = unindexed(
        commit("a", shards=[1]),
        commit("b", shards=[2]),
        commit("c", shards=[3]),
        commit(copies=["ab"], removed=["a", "b", "indexed"]),
    )
    assert files.of_shards(frozenset([1])) == ["ab"]
    assert files.of_shards(frozenset([2])) == ["ab"]
    assert files.of_shards(frozenset([3])) == ["c"]


def test_copies_of_indexed_rows_are_indexed():
    assert not len(unindexed(commit(copies=["ab"], removed=["a", "b"])))


def test_many_appends_and_compactions_leave_as_many_files_as_are_live():
    files = UnindexedFiles()
    for number in range(10_000):
        files.add(commit(f"{number}", shards=[number % 60]))
        if number % 100 == 99:
            small = [f"{each}" for each in range(number - 99, number + 1)]
            files.add(commit(copies=[f"big-{number}"], removed=small))
    assert len(files) == 100


def test_files_that_were_read_are_removed():
    files = unindexed(commit("a"), commit("b"))
    files.remove(["a"])
    assert files.of_shards(frozenset([0])) == ["b"]
    files.clear()
    assert not len(files)
