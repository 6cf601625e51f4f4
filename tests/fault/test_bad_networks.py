"""Bad networks between boxes, broker and hub: half open, cut one way, reset, late, slow, sliced; all arrives, once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.faultproxy import DOWN, UP, FaultProxy
from tests.lab.fleet_site import FleetSite
from tests.lab.processes import wait_until


def slow_close(proxy: FaultProxy) -> None:
    proxy.set(slow_close_s=0.5)
    proxy.reset()


Fault = Callable[[FaultProxy], None]
SILENT: dict[str, tuple[Fault, str]] = {
    "half_open": (FaultProxy.half_open, f"lost_{UP}"),
    "one_way_up": (lambda proxy: proxy.one_way(UP), f"lost_{UP}"),
    "one_way_down": (lambda proxy: proxy.one_way(DOWN), f"lost_{DOWN}"),
    "cut": (FaultProxy.cut, "refused"),
}
SLOW: dict[str, tuple[Fault, str]] = {
    "latency_500_ms": (lambda proxy: proxy.set(latency_s=0.5), "delayed"),
    "64_kbit_s": (lambda proxy: proxy.set(bytes_per_s=8_000), "throttled"),
    "slicer_1_byte": (lambda proxy: proxy.set(slice_bytes=1), "slices"),
    "resets_2_percent": (lambda proxy: proxy.set(reset_rate=0.02), "resets"),
    "slow_close": (slow_close, "connections"),
}


def proxies(site: FleetSite) -> list[FaultProxy]:
    """Between boxes and broker, between boxes and the hub's pictures, between hub and broker."""
    return [site.mqtt_proxy, site.http_proxy, site.hub_proxy]


@pytest.mark.timeout(300)
def test_silent_networks_lose_nothing(tmp_path: Path) -> None:
    site = FleetSite(tmp_path)
    with site.running(), site.fleet(rate=60) as fleet:
        for name, (fault, proof) in SILENT.items():
            for proxy in proxies(site):
                site.wait_for_stored(1, f"events flow before {name}")
                before = proxy.counts[proof]
                fault(proxy)
                wait_until(lambda: proxy.counts[proof] > before, f"{name} hurt a connection", 30)  # noqa: B023
                site.wait_for_births(30, f"births go on under {name}")
                proxy.heal()
        site.wait_for_stored(1, "events flow after all of it")
        fleet.stop()
        site.drain()
        verdict = site.judge()
    assert not verdict.faults, verdict
    assert verdict.stored >= 30 * len(SILENT) * 3


@pytest.mark.timeout(300)
def test_slow_networks_deliver_while_they_are_slow(tmp_path: Path) -> None:
    site = FleetSite(tmp_path)
    with site.running(), site.fleet(rate=20) as fleet:
        for name, (fault, proof) in SLOW.items():
            before = {proxy: proxy.counts[proof] for proxy in proxies(site)}
            for proxy in proxies(site):
                fault(proxy)
            site.wait_for_stored(20, f"events arrive under {name}", 60)
            for proxy in proxies(site):
                wait_until(lambda: proxy.counts[proof] > before[proxy], f"{name} hurt a connection", 30)  # noqa: B023
                proxy.heal()
        fleet.stop()
        site.drain()
        verdict = site.judge()
    assert not verdict.faults, verdict
