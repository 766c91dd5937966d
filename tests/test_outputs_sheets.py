"""The map sheets as a printer takes them: paper, embedded type, nothing missing, nothing hidden, no name on another."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import replace

import matplotlib.style
import numpy as np
import pypdfium2
import pytest
import shapely
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from command import assert_one_line, inside
from lifecircle.assess import assess
from lifecircle.errors import InputError
from lifecircle.live import Live
from lifecircle.outputs import typeface
from lifecircle.outputs.cartography import PAPERS, RAMP, round_length
from lifecircle.outputs.disclosure import published
from lifecircle.outputs.lettering import place_names
from lifecircle.outputs.map_text import MODEL_MARK, NOT_APPROVED
from lifecircle.outputs.mapsheet import draw_sheet, write_sheets
from lifecircle.outputs.rundir import write_run
from lifecircle.outputs.sheet_theme import SITES, main_state, themes
from lifecircle.siting.candidates import in_places
from lifecircle.siting.sites import choose_sites, with_sites
from lifecircle.study import read_study
from sample_assessment import SINKS, sample
from tinytown import write_town

HOSTILE = {
    "formula": "=HYPERLINK(\"http://x\",\"y\")", "tab": "\t=1\x00\x1b[31m", "math": "$x$ $\\frac{",
    "template": "${1}{{7*7}}",
    "right_to_left": "a\u202eb\u2067ג\u2069", "markup": "<b>&amp;</b></script>", "none_of_the_typeface": "𠀀🏥ﷺ",
    "long": "长" * 5_000,
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_sheets(sample(), tmp_path_factory.mktemp("sheets"))


def text_of(path):
    document = pypdfium2.PdfDocument(path)
    try:
        return "".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


def alone(assessment, layer="clinics"):
    """Give the assessment with one layer, which makes one sheet."""
    tables = {name: getattr(assessment, name) for name in ("results", "gaps", "facilities", "service_areas")}
    return replace(assessment, run={**assessment.run, "layers": {layer: assessment.run["layers"][layer]}},
                   **{name: table[table["layer"] == layer] for name, table in tables.items()})


def figures_of(assessment):
    assessment = published(assessment)
    with matplotlib.style.context("default"):
        return [(theme, draw_sheet(assessment, theme)) for theme in themes(assessment)]


def texts(figure):
    return [item for axes in figure.axes for item in axes.texts] + figure.texts


def test_a_sheet_per_service_as_pdf_and_png(written):
    assert [path.name for path in written] == [f"{layer}_a4.{form}" for layer in (
        "clinics", "sports", "elderly", "childcare", "shelters") for form in ("pdf", "png")]


@pytest.mark.parametrize("paper", ["a4", "a3"])
def test_the_paper_has_its_size_and_the_type_is_in_the_file(tmp_path, paper):
    path = write_sheets(alone(sample()), tmp_path, paper=paper)[0]
    document = pypdfium2.PdfDocument(path)
    size_mm = sorted(length / 72 * 25.4 for length in document[0].get_size())
    assert len(document) == 1
    document.close()
    assert size_mm == pytest.approx(PAPERS[paper], abs=0.1)
    content = path.read_bytes()
    assert b"/Type3" in content or b"/FontFile" in content
    assert not re.search(rb"/BaseFont /(Helvetica|Times|Courier)", content)
    with Image.open(path.with_suffix(".png")) as picture:
        assert sorted(picture.size) == pytest.approx([length / 25.4 * 200 for length in PAPERS[paper]], abs=2)


def test_it_says_what_it_is(written):
    said = text_of(written[0])
    for part in ("巴州区", "医疗卫生", MODEL_MARK, NOT_APPROVED, "2025-06-30", "5a3c19e0b7d2", "EPSG:4545", "北", "km",
                 "城镇 15 分钟（步行）", "常住人口", "东城街道", "清江镇", "白庙乡", "覆盖率 77.5%", "多数已覆盖"):
        assert part in said, part
    assert said.count(MODEL_MARK) > 20  # any crop holds one


def test_an_approval_number_takes_the_place_of_the_warning(tmp_path):
    said = text_of(write_sheets(alone(sample(approval="GS(2025)1234号")), tmp_path)[0])
    assert "审图号：GS(2025)1234号" in said
    assert NOT_APPROVED not in said


def test_surveyed_data_have_no_mark(tmp_path):
    assert MODEL_MARK not in text_of(write_sheets(alone(sample(quality="surveyed")), tmp_path)[0])


def test_the_same_run_gives_the_same_bytes(written, tmp_path):
    again = write_sheets(alone(sample(), "elderly"), tmp_path)
    before = {path.name: path.read_bytes() for path in written}
    assert {path.name: path.read_bytes() for path in again}.items() <= before.items()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_names_are_text(tmp_path, kind):
    assert {"township", "district", "layer", "lead", "run_id", "approval", "date"} <= set(SINKS)
    assessment = alone(sample(hostile=lambda sink: HOSTILE[kind]))
    assert MODEL_MARK in text_of(write_sheets(assessment, tmp_path)[0])
    for _, figure in figures_of(assessment):
        for item in texts(figure):
            assert not item.get_parse_math()
            assert {ord(letter) for letter in item.get_text()} <= typeface.characters()


def test_what_the_typeface_lacks_is_seen_to_lack():
    assert typeface.printable("巴\u202e州\x07\ufe0f区𠀀") == f"巴州区{typeface.LACKING}"
    assert ord(typeface.LACKING) in typeface.characters()
    assert typeface.printable("a\tb\nc") == "a b c"


def test_no_name_lies_on_another_or_leaves_its_map():
    for _, figure in figures_of(sample()):
        renderer = FigureCanvasAgg(figure).get_renderer()
        for axes in figure.axes:
            names = [item for item in axes.texts if item.get_gid() == "name"]
            boxes = [shapely.box(*item.get_window_extent(renderer).extents) for item in names]
            assert all(one.intersection(other).area == 0 for one, other in itertools.combinations(boxes, 2))
            frame = shapely.box(*axes.get_window_extent(renderer).extents)
            assert all(frame.contains(box) for box in boxes)


def test_no_line_of_the_panel_runs_into_another():
    for _, figure in figures_of(sample()):
        renderer = FigureCanvasAgg(figure).get_renderer()
        page = figure.axes[0]
        sheet = shapely.box(*figure.bbox.extents)
        lines = [(item.get_text(), shapely.box(*item.get_window_extent(renderer).extents)) for item in page.texts]
        assert all(sheet.contains(box) for _, box in lines)
        for (one, first), (other, second) in itertools.combinations(lines, 2):
            assert first.intersection(second).area < 0.12 * min(first.area, second.area), (one, other)


def test_names_that_do_not_fit_stand_beside_with_a_line():
    areas = [(f"街道{at}", shapely.box(10 * at, 0, 10 * at + 10, 10)) for at in range(4)]
    names = place_names([*areas, ("大镇", shapely.box(-200, 20, 200, 120))], lambda text: (12.0 * len(text), 12.0),
                        shapely.box(-200, -200, 200, 200))
    assert {name.text for name in names} == {"街道0", "街道1", "街道2", "街道3", "大镇"}
    assert [name.line_to is None for name in names] == [name.text == "大镇" for name in names]
    assert not any(one.box.intersects(other.box) for one, other in itertools.combinations(names, 2))
    by_name = dict(areas)
    for name in names:
        if name.line_to:
            assert by_name[name.text].contains(shapely.Point(name.line_to))


def test_classes_are_lighter_the_fewer_are_in_time():
    light = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in
             (bytes.fromhex(colour[1:]) for colour in RAMP)]
    assert light == sorted(light)
    assert np.diff(light).min() > 10  # seen on a grey print


def test_classes_count_every_township_once():
    assessment = published(sample())
    for theme in themes(assessment):
        assert sum(item.count for item in theme.classes) == len(theme.fills) == len(assessment.townships)
    clinics = next(themes(assessment))
    assert clinics.states.count("in_time") == 5
    assert clinics.states.count("out") == 1


def test_what_is_hidden_is_hatched_and_not_told(tmp_path):
    assessment = sample()
    few = (assessment.results["group"] == "60plus") & (assessment.results["unit"] == "people")
    results = assessment.results.assign(value=assessment.results["value"].mask(few, 4.0))
    small = replace(assessment, results=results, demand=assessment.demand.assign(population_60plus=0.2))
    theme = next(item for item in themes(published(small)) if item.key == "elderly")
    assert {hatch for _, hatch in theme.fills} == {"xxxx"}
    assert set(theme.states) == {"hidden"}
    path = write_sheets(alone(small, "elderly"), tmp_path)[0]
    said = text_of(path)
    assert "不公开" in said
    assert not re.search(r"(?<![\d.])[1-9] 人", said)


@pytest.mark.parametrize(("counts", "state"), [
    ((10, 6, 4, 0), "in_time"), ((10, 4, 6, 0), "out"), ((10, 2, 3, 5), "undetermined"), ((0, 0, 0, 0), "none"),
    ((math.nan, 5, 5, 0), "hidden"), ((10, math.nan, 5, 0), "hidden"), ((10, 4, math.nan, math.nan), "out"),
])
def test_most_people_decide_the_mark_of_a_place(counts, state):
    assert main_state(counts) == state


def test_sites_are_marked_with_their_rank_and_listed(tmp_path):
    live = Live.of(read_study(write_town(tmp_path / "town")))
    assessment = published(with_sites(assess(live.times.study), choose_sites(live, ["clinics"], in_places(live.times),
                                                                             new=1)))
    [theme] = [theme for theme in themes(assessment) if theme.key == SITES]
    names = [f"{rank} {name}" for rank, name in enumerate(assessment.sites["name"], start=1)]
    assert [line.split("（")[0] for line in theme.site_lines] == names
    with matplotlib.style.context("default"):
        figure = draw_sheet(assessment, theme)
    assert theme.sites[0][1:] == pytest.approx(shapely.get_coordinates(assessment.sites.geometry.iloc[0])[0])
    assert [item.get_text() for item in figure.axes[1].texts if item.get_text().isdigit()] == ["1"]


def test_a_town_too_small_to_be_lettered_has_an_inset_and_every_name_is_there():
    """Four streets of 0.8 km by 1 km in a district of 40 km by 40 km."""
    assessment = published(sample(quality="surveyed"))
    west, south = assessment.townships.total_bounds[:2]
    streets = [shapely.box(west + 800 * at, south, west + 800 * (at + 1), south + 1000) for at in range(4)]
    around = shapely.box(west, south, west + 12_000, south + 40_000).difference(shapely.union_all(streets))
    more = assessment.townships.iloc[[0] * 5].assign(
        township_code=[f"99{at}" for at in range(5)], township=["甲街道", "乙街道", "丙街道", "丁街道", "大镇"])
    large = replace(assessment, townships=more.set_geometry([*streets, around], crs=more.crs))
    sites = ("8", west + 400.0, south + 500.0), ("9", west + 6_000.0, south + 30_000.0)
    theme = replace(next(themes(large)), sites=sites)
    with matplotlib.style.context("default"):
        figure = draw_sheet(large, theme)
    assert len(figure.axes) == 3
    lettered = [item.get_text() for axes in figure.axes for item in axes.texts if item.get_gid() == "name"]
    assert set(lettered) == set(more["township"])
    numbers = [[item.get_text() for item in axes.texts if item.get_text() in "89"] for axes in figure.axes[1:]]
    assert numbers == [["8", "9"], ["8"]]  # the inset shows only what lies in it


def test_scale_bars_are_round():
    assert [round_length(length) for length in (0.9, 1.0, 99.0, 5_000.0, 9_999.0)] == [0.5, 1.0, 50.0, 5_000.0, 5_000.0]


def test_english(tmp_path):
    said = text_of(write_sheets(alone(sample(language="en")), tmp_path)[0])
    assert "Coverage 77.5%" in said
    assert "Scale when printed on A4" in said


def test_the_command_writes_them_into_a_run(tmp_path):
    directory = write_run(alone(sample()), tmp_path / "run")
    code, out, _ = inside("report", directory, "--only", "sheets", "--paper", "a3")
    assert code == 0
    assert out.split() == [str(directory / "sheets" / f"clinics_a3.{form}") for form in ("pdf", "png")]
    assert not (directory / "report.xlsx").exists()
    write_run(alone(sample()), directory)
    assert not (directory / "sheets").exists()  # sheets of an earlier run are not those of this one
    code, _, err = inside("report", tmp_path / "none", "--only", "sheets")
    assert code == 3
    assert_one_line(err)


def test_a_sheet_that_cannot_be_written_leaves_the_old_one(tmp_path):
    (tmp_path / "clinics_a4.pdf").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_sheets(alone(sample()), tmp_path)
    assert (tmp_path / "clinics_a4.pdf").is_dir()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(("target", "labels", "counts"), [
    # Every township of the sample has 2.4 m2 per head.
    (math.nan, ["≥ 2.40", "1.80 — 2.40", "1.20 — 1.80", "0.60 — 1.20", "＜ 0.60"], [3, 0, 0, 0, 0]),
    (4.0, ["≥ 4.00", "3.00 — 4.00", "2.00 — 3.00", "1.00 — 2.00", "＜ 1.00"], [0, 0, 3, 0, 0]),
])
def test_an_area_per_head_is_classed_with_and_without_a_target(target, labels, counts) -> None:
    drawn = alone(sample(), "shelters")
    layers = {"shelters": {**drawn.run["layers"]["shelters"], "reach": False}}
    results = drawn.results.assign(target=target)
    theme = next(themes(published(replace(drawn, results=results, run={**drawn.run, "layers": layers}))))
    assert theme.classes_title == "乡镇（街道）人均面积，m²"
    assert [item.label for item in theme.classes] == labels
    assert [item.count for item in theme.classes] == counts
