"""Colours that the colour-blind and a grey print tell apart: computed after Machado, Oliveira and Fernandes (2009)."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lifecircle.outputs.map_colours import RAMPS, VERDICTS, edges_of

#: What people without red, without green and without blue cones see of linear RGB (severity 1.0).
SIGHT = {
    "all": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                   [0.0193339, 0.1191920, 0.9503041]])
WHITE = np.array([0.95047, 1.0, 1.08883])
#: CIE 1976: from about 2.3 a difference is just seen; on a map of patches four times that is asked for.
LEAST_DIFFERENCE, LEAST_LIGHTNESS = 9.0, 7.0
DENSITY = ("#edf8b1", "#b5dfbd", "#63bfc0", "#2c86b8", "#24489c")


def lab(colour: str, sight: str = "all") -> np.ndarray:
    """Give CIELAB (D65) of a colour as somebody sees it."""
    coded = np.array([int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(np.array(SIGHT[sight]) @ linear, 0, 1) / WHITE
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def test_lab_of_known_colours() -> None:
    assert np.allclose(lab("#ffffff"), [100, 0, 0], atol=0.02)
    assert np.allclose(lab("#ff0000"), [53.24, 80.09, 67.20], atol=0.05)
    assert np.linalg.norm(lab("#c00000", "deuteranopia") - lab("#5a7300", "deuteranopia")) < 25  # told apart by others:
    assert np.linalg.norm(lab("#c00000") - lab("#5a7300")) > 70


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("name", [*RAMPS, "density"])
def test_neighbours_of_a_ramp_differ_for_everybody(name: str, sight: str) -> None:
    ramp = {**RAMPS, "density": DENSITY}[name]
    steps = [np.linalg.norm(lab(one, sight) - lab(other, sight)) for one, other in itertools.pairwise(ramp)]
    assert min(steps) >= LEAST_DIFFERENCE


@pytest.mark.parametrize("name", [*RAMPS, "density"])
def test_a_ramp_falls_in_grey_print(name: str) -> None:
    lightness = [lab(colour)[0] for colour in {**RAMPS, "density": DENSITY}[name]]
    assert min(one - other for one, other in itertools.pairwise(lightness)) >= LEAST_LIGHTNESS


def test_verdicts_are_told_without_colour() -> None:
    marks = [mark for _, mark in VERDICTS.values()]
    assert len(set(marks)) == len(marks) == 5
    assert abs(lab(VERDICTS["met"][0])[0] - lab(VERDICTS["not_met"][0])[0]) > 20


def test_edges_have_about_as_many_units_each() -> None:
    assert edges_of([0.0, 0.0, 0.3]) == [0.0, 0.06, 0.18]
    assert edges_of(list(range(1, 101))) == [1.0, 20.0, 40.0, 60.0, 80.0]
    assert edges_of([]) == []
