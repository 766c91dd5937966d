"""Who reaches which facilities in time: the same answer as the nearest, and neighbours stand among them."""

from __future__ import annotations

import numpy as np

from lifecircle.inputs.findings import Findings
from lifecircle.reachable import reachable, reachable_layers
from lifecircle.study import read_study
from lifecircle.traveltimes import solve_times
from tinytown import write_town


def test_the_first_of_each_point_is_its_nearest(tmp_path):
    study = read_study(write_town(tmp_path))
    times = solve_times(study, Findings())
    inside = np.flatnonzero(study.demand["inside"])
    seen, together = 0, reachable_layers(times, study.layers, stretch=2.0)
    for layer in study.layers:
        found = reachable(times, layer)
        first, at = np.unique(found.pairs.place, return_index=True)
        facility = np.full(len(study.demand), -1)
        facility[first] = found.pairs.facility[at]
        for name, cutoff_min in found.cutoffs_min.items():
            rule = study.policy.layer(layer).rule(name)
            nearest, of_class = times.times[layer, rule.mode], (times.demand["class"] == name).to_numpy()
            expected = np.where(nearest.minutes <= cutoff_min, nearest.facility, -1)
            np.testing.assert_array_equal(facility[inside][of_class], expected[of_class])
            seen += (expected[of_class] >= 0).sum()
        further = reachable(times, layer, stretch=2.0)
        assert len(further.pairs.ms) >= len(found.pairs.ms)
        for column in ("place", "facility", "ms"):  # solved together with the others, and further, it is the same
            np.testing.assert_array_equal(getattr(together[layer].in_time(), column), getattr(found.pairs, column))
        assert set(zip(found.pairs.place, found.pairs.facility, strict=True)) <= set(
            zip(further.pairs.place, further.pairs.facility, strict=True))
    assert seen > 0
