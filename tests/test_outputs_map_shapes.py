"""The compact code of shapes, and what of a plan, of times and of gaps goes onto the map."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecircle.outputs.disclosure import published
from lifecircle.outputs.map_cards import place_times, withheld
from lifecircle.outputs.map_plan import plan_facts, plan_figures
from lifecircle.outputs.map_shapes import DIGITS, STEPS_PER_DEGREE, encode, rings
from sample_assessment import sample


def decode(text: str) -> np.ndarray:
    """Read the code as the page's script does, written anew."""
    values, value, bits = [], 0, 0
    for letter in text:
        digit = DIGITS.index(letter)
        value |= (digit & 31) << bits
        bits += 5
        if not digit & 32:
            values.append(-(value + 1) // 2 if value & 1 else value // 2)
            value = bits = 0
    return np.cumsum(np.array(values).reshape(-1, 2), axis=0) / STEPS_PER_DEGREE


def test_code_by_hand() -> None:
    """Steps (1, 0) and (2, -1): zigzag 2, 0, 4, 1; 16 steps are 32, whose low five bits are 0 and then 1 follows."""
    assert encode(np.array([[0.00001, 0.0], [0.00003, -0.00001]])) == "CAEB"
    assert encode(np.array([[0.00016, 0.0]])) == "gBA"


@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), max_size=30))
def test_code_read_back_is_the_line_to_a_step(line: list[tuple[float, float]]) -> None:
    xy = np.array(line).reshape(-1, 2)
    assert np.abs(decode(encode(xy)) - xy).max(initial=0) <= 0.5000001 / STEPS_PER_DEGREE


def test_digits_mean_nothing_to_a_page() -> None:
    assert len(set(DIGITS)) == 64
    assert not set(DIGITS) & set("<>&\"'`${}\\/ ")


def test_rings_are_those_of_the_rules() -> None:
    found = rings(sample(), 0.0)
    assert list(found) == ["clinics", "sports", "elderly", "childcare", "shelters"]
    assert [(ring["mode"], ring["minutes"], ring["class"]) for ring in found["elderly"]] == [
        ("walk_elder", 15.0, "urban"), ("walk_elder", 30.0, "rural")]
    small, large = found["clinics"]
    assert small["km2"] < large["km2"]
    assert [len(part) for part in small["parts"]] == [1, 1]  # two facilities serve, 3.7 km apart, 1 km around each
    assert [len(part) for part in large["parts"]] == [1]


@pytest.mark.parametrize(("layer", "told"), [
    ("clinics", [6.0, "in_time", "示例设施000"]), ("shelters", [7.0, "in_time", "示例设施016"])])
def test_times_are_those_of_the_middle_point(layer: str, told: list[object]) -> None:
    """In 北门 200, 150, 100, 50 and 20.5 people stand 180 m apart: the middle is nearest to the second point.

    Its minutes are 4 more than the first's.
    """
    assert place_times(published(sample()))["511902001001"][layer] == told


def test_times_are_withheld_where_they_could_tell_a_hidden_count() -> None:
    """What is hidden: who is in time (2), or only the split of the late (1); the second shuts late points alone."""
    made = published(sample())
    nan = float("nan")
    split = [nan, nan, 0, nan, 0, 0]
    counts = {"in_time": [nan, 10, 10, 10, 10, 10], "out": split, "undetermined": split}
    places = made.places.assign(**{f"{name}_elderly": values for name, values in counts.items()})
    made = dataclasses.replace(made, places=places)
    codes = list(places["place_code"])
    assert withheld(made, "elderly") == {codes[0]: 2, codes[1]: 1, codes[3]: 1}
    told = {code: place_times(made)[code]["elderly"] for code in codes}
    assert told[codes[0]] is None
    assert told[codes[1]] == [13.0, "in_time", "示例设施008"]
    assert told[codes[2]] == [18.0, "out_of_time", "示例设施008"]
    assert told[codes[3]] == [24.0, "in_time", "示例设施008"]
    late = made.demand.assign(state_elderly="out_of_time")
    assert place_times(dataclasses.replace(made, demand=late))[codes[1]]["elderly"] is None


def test_a_run_without_a_plan_has_no_such_theme() -> None:
    assert plan_facts(sample()) is None
    assert plan_figures(sample()) == {}


def test_who_is_late_is_not_shown_at_the_limit() -> None:
    drawn = sample()
    limits = {kind: drawn.run["layers"]["clinics"][kind]["cutoff_min"] for kind in ("urban", "rural")}
    limit = drawn.demand["class"].map(limits)
    late = drawn.demand.assign(minutes_clinics=limit + 0.004, state_clinics="out_of_time")
    kept = drawn.demand.assign(minutes_clinics=limit, state_clinics="in_time")
    for demand, over in ((late, 0.1), (kept, 0.0)):
        told = place_times(published(dataclasses.replace(drawn, demand=demand)))
        classes = demand.drop_duplicates("place_code").set_index("place_code")["class"]
        shown = {code: own["clinics"] for code, own in told.items() if own.get("clinics")}
        assert len(shown) > 0
        assert all(value[0] == pytest.approx(limits[classes[code]] + over) for code, value in shown.items())
