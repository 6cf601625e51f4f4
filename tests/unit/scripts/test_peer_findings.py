"""The rule by which the benchmark's peers open parking and crowding."""

import json

from scripts.benchmarks.peers.findings import Findings, Thing

VAN = Thing("truck", (0.4, 0.4, 0.6, 0.5))
WALKER = Thing("person", (0.1, 0.7, 0.15, 0.9))
WHOLE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]


def rules(tmp_path, **other):
    zones = tmp_path / "zones.json"
    zones.write_text(json.dumps({"parking": WHOLE, "road": WHOLE, "dwell_s": 10, "hold_s": 3, "people": 2} | other))
    return Findings(zones)


def test_a_vehicle_that_stays_is_parking_once_and_one_that_moves_on_never_is(tmp_path):
    staying, moving = rules(tmp_path), rules(tmp_path)
    opened = [name for second in range(30) for name in staying.look(second, [VAN])]
    passing = [
        name
        for second in range(30)
        for name in moving.look(second, [Thing("truck", (second * 0.03, 0.4, second * 0.03 + 0.04, 0.5))])
    ]
    assert (opened, passing) == (["parking"], [])


def test_a_vehicle_outside_the_zone_is_no_parking(tmp_path):
    findings = rules(tmp_path, parking=[[0.0, 0.0], [0.3, 0.0], [0.3, 0.3], [0.0, 0.3]])
    assert [name for second in range(30) for name in findings.look(second, [VAN])] == []


def test_a_crowd_opens_although_a_look_misses_someone_but_not_before_it_held(tmp_path):
    findings = rules(tmp_path)
    crowd = [[WALKER] * (1 if number == 4 else 3) for number in range(10)]
    opened = {number: findings.look(number * 0.5, things) for number, things in enumerate(crowd)}
    assert [number for number, names in opened.items() if names] == [6]
