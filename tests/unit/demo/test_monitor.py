from prometheus_client import CollectorRegistry, Gauge, generate_latest

from demo.monitor import Scrape, parsed


def test_samples_are_found_by_name_and_label():
    registry = CollectorRegistry()
    Gauge("plain", "Without a label.", registry=registry).set(5)
    lag = Gauge("lag", "With one.", ["partition"], registry=registry)
    lag.labels(0).set(7)
    lag.labels(3).set(8)
    samples = parsed(generate_latest(registry).decode())
    assert samples == {"plain": {"": 5.0}, "lag": {"0": 7.0, "3": 8.0}}
    assert Scrape(samples, {}).value("lag") == 15
    assert Scrape(samples, {}).value("unheard_of") == 0
