from dataclasses import replace

from demo.freshness import Sample
from demo.ledger_poller import LedgerTotals
from demo.readings import History, PodReading, Reading, State, spark


def reading(at, rows=0, samples=()):
    return Reading(
        at=at,
        emitted=0,
        ends={},
        ledger=LedgerTotals({}, rows, 0, {}),
        samples=samples,
        consumers=[],
        publishers=[],
        plain=[],
        broker_up=True,
    )


def history(*readings):
    found = History()
    for each in readings:
        found.add(each)
    return found


def test_a_rate_is_the_growth_in_a_second():
    found = history(reading(0.0, rows=100), reading(2.0, rows=300), reading(3.0, rows=300))
    assert found.rates(lambda each: each.ledger.rows) == [100, 0]


def test_one_reading_has_no_rate_and_none_has_no_freshness():
    assert history(reading(0.0)).rates(lambda each: each.sent) == []
    assert history().freshness(0.5) is None


def test_freshness_is_an_exact_quantile_of_the_last_ten_seconds():
    found = history(
        reading(0.0, samples=[Sample(0, 9)]),
        reading(8.0, samples=[Sample(1, 1.25), Sample(1, 1.75)]),
        reading(12.0, samples=[Sample(2, 2.5), Sample(2, 4)]),
    )
    assert [found.freshness(share) for share in (0.25, 0.5, 0.75, 1.0)] == [0.25, 0.5, 0.75, 2]
    found.add(reading(30.0))
    assert found.freshness(0.5) is None


def test_what_a_fault_delayed_is_kept_apart_and_its_longest_for_the_whole_run():
    found = history(reading(0.0, samples=[Sample(0, 1), Sample(0, 7, in_outage=True)]))
    assert (found.freshness(1.0), found.longest_in_outage) == (1, 7)
    for at in range(1, 200):
        found.add(reading(float(at), samples=[Sample(0, 2, in_outage=True)]))
    assert (found.freshness(1.0), found.longest_in_outage) == (None, 7)


def test_a_run_is_undisturbed_while_all_pods_work_and_each_partition_is_read():
    ready = PodReading("consumer-1", 1, State.READY, lags={0: 5, 1: 0})
    calm = replace(reading(0.0), ends={0: 1, 1: 1}, consumers=[ready])
    assert calm.undisturbed
    assert not replace(calm, ends={0: 1, 1: 1, 2: 1}).undisturbed
    assert not replace(calm, broker_up=False).undisturbed
    assert not replace(calm, plain=[PodReading("plain", None, State.DOWN)]).undisturbed
    assert not replace(calm, publishers=[PodReading("sdk", 2, State.SILENT)]).undisturbed


def test_bars_are_as_high_as_their_values_and_none_stands_for_nothing():
    assert spark([0, 1, 50, 100], width=4, top=100) == " ▁▄█"
    assert spark([1, 2, 3], width=2, top=3) == "▆█"
    assert spark([0.0], width=5, top=0) == " "
