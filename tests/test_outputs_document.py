"""The Word report as a planner opens it: every figure that of the results, names that are text, nothing hidden told."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

import docx
import numpy as np
import pytest
from docx.oxml.ns import qn
from PIL import Image

from command import inside
from lifecircle.assess import assess
from lifecircle.live import Live
from lifecircle.outputs.disclosure import published
from lifecircle.outputs.document import write_document
from lifecircle.outputs.map_text import MODEL_MARK, NOT_APPROVED
from lifecircle.outputs.rundir import write_run
from lifecircle.outputs.tables import read_csv
from lifecircle.siting.candidates import in_places
from lifecircle.siting.sites import choose_sites, with_sites
from lifecircle.study import read_study
from sample_assessment import DISTRICT, LAYERS, SINKS, TOWNSHIPS, sample
from test_outputs_sheets import HOSTILE
from tinytown import write_town


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.docx"
    write_document(sample(), path)
    return path


def everything(path):
    """Give all text of a file: paragraphs, tables, heads and feet."""
    file = docx.Document(path)
    parts = [file.element.body, *(part._element for section in file.sections for part in (section.header,
                                                                                        section.footer))]
    return "\n".join("".join(node.text or "" for node in line.iter(qn("w:t"))) for part in parts
                     for line in part.iter(qn("w:p")))


def tables_under(path, heading):
    """Give the tables between a heading of the second level and the next heading, as rows of texts."""
    found, inside_it = [], False
    for block in docx.Document(path).iter_inner_content():
        if hasattr(block, "rows"):
            if inside_it:
                found.append([[cell.text for cell in row.cells] for row in block.rows])
        elif block.style.name.startswith("Heading"):
            inside_it = block.text == heading
    return found


def shown(value):
    """Round halves up, as the map and Excel do."""
    return "不公开" if np.isnan(value) else f"{Decimal(float(value)).quantize(Decimal(1), ROUND_HALF_UP):,}"


def test_every_figure_of_every_township_is_that_of_the_results(path, tmp_path):
    results = read_csv(write_run(sample(), tmp_path / "run") / "results.csv")
    rows = results[results["headline"] & (results["class"] == "all") & (results["scenario"] == "existing")]
    cells = rows.set_index(["township_code", "layer", "indicator"])["value"]
    seen = 0
    for code, name in TOWNSHIPS:
        table, *_ = tables_under(path, name)
        assert table[0] == ["服务", "人口", "覆盖率（低—高）", "圈外", "待核", "人均 m²", "判定"]
        told = {row[0]: row[1:] for row in table[1:]}
        for layer, (label, *_) in LAYERS.items():
            people, rate, out, undetermined, area, verdict = told[label]
            assert people == shown(cells[code, layer, "people"])
            assert out == shown(cells[code, layer, "people_out"])
            assert undetermined == shown(cells[code, layer, "people_undetermined"])
            value = cells[code, layer, "coverage_rate"]
            assert rate.split(" — ")[0] == ("不公开" if np.isnan(value) else f"{value:.1%}")
            assert area == ("2.40 / 2" if layer == "shelters" else "—")
            assert verdict == ("标准未定，面积达标" if layer == "shelters" else "标准未定")
            seen += 1
    assert seen == len(TOWNSHIPS) * len(LAYERS)


def test_the_district_is_said_in_whole_sentences(path, tmp_path):
    results = read_csv(write_run(sample(), tmp_path / "run") / "results.csv")
    district = results[(results["township_code"] == DISTRICT) & (results["class"] == "all")]
    value = district[district["layer"] == "clinics"].set_index("indicator")["value"]
    said = everything(path)
    assert (f"医疗卫生：常住人口 {shown(value['people'])} 人中，{shown(value['people_in_time'])} 人在时限内，覆盖率 "
            f"{value['coverage_rate']:.1%}") in said
    assert f"{shown(value['people_out'])} 人在时限外" in said
    assert "时限外人数最多的是龙头村（白庙乡）" in said
    assert "应急避难：人均面积 2.40 m²，标准 2 m²，达标。" in said


def test_gaps_are_the_largest_first_with_cause_and_nearest(path):
    _, gaps = tables_under(path, "白庙乡")
    assert gaps[0] == ["序号", "村（社区）", "服务", "圈外人数", "中位分钟", "超出分钟", "原因", "最近设施"]
    counts = [float(row[3].replace(",", "")) for row in gaps[1:] if row[3] != "不公开"]
    assert counts == sorted(counts, reverse=True)
    assert len(counts) > 2
    assert [row[0] for row in gaps[1:]] == [str(number) for number in range(1, len(gaps))]
    assert {"超时限"} <= {row[6] for row in gaps[1:]}
    assert any(row[7].startswith("示例设施") for row in gaps[1:])  # by name, not by id


def test_it_is_marked_on_every_page_and_numbered(path):
    file = docx.Document(path)
    section = file.sections[0]
    assert MODEL_MARK in section.header.paragraphs[0].text
    assert "5a3c19e0b7d2" in section.footer.paragraphs[0].text
    codes = [node.text.strip() for node in section.footer._element.iter(qn("w:instrText"))]
    assert codes == ["PAGE", "NUMPAGES"]
    assert (section.page_width.mm, section.page_height.mm) == pytest.approx((210, 297), abs=0.1)
    assert NOT_APPROVED in everything(path)
    assert "2025-06-30" in everything(path)


def test_it_is_made_of_styles_that_word_knows(path):
    file = docx.Document(path)
    names = [item.style.name for item in file.paragraphs]
    assert {"Title", "Heading 1", "Heading 2", "Caption", "List Bullet", "TOC 1", "TOC 2"} <= set(names)
    headings = [item.text for item in file.paragraphs if item.style.name.startswith("Heading")]
    links = ["".join(node.text for node in link.iter(qn("w:t"))) for link in file.element.body.iter(qn("w:hyperlink"))]
    assert links == headings
    marks = {node.get(qn("w:name")) for node in file.element.body.iter(qn("w:bookmarkStart"))}
    assert {link.get(qn("w:anchor")) for link in file.element.body.iter(qn("w:hyperlink"))} == marks
    for name in ("Normal", "Heading 1", "Heading 2", "Caption", "Table Text"):
        fonts = file.styles[name].element.rPr.rFonts
        assert fonts.get(qn("w:eastAsia")) == "Microsoft YaHei"
        assert fonts.get(qn("w:eastAsiaTheme")) is None


def test_tables_repeat_their_heads_and_split_no_row(path):
    for table in docx.Document(path).tables:
        rows = [row._tr.trPr for row in table.rows]
        assert rows[0].find(qn("w:tblHeader")) is not None
        assert all(rules.find(qn("w:cantSplit")) is not None for rules in rows)


def test_every_township_has_a_page_with_a_map_told_in_words(path):
    file = docx.Document(path)
    pictures = list(file.element.body.iter(qn("wp:docPr")))
    assert [MODEL_MARK in item.get("descr") for item in pictures] == [True] * len(TOWNSHIPS)
    assert [name in item.get("descr") for item, (_, name) in zip(pictures, TOWNSHIPS, strict=True)] == [True] * 3
    with zipfile.ZipFile(path) as parts:
        for name in parts.namelist():
            if name.endswith(".png"):
                with Image.open(io.BytesIO(parts.read(name))) as picture:
                    assert picture.size == (1124, 615)
                    assert not picture.info.get("Software")


def test_the_same_run_gives_the_same_bytes(path, tmp_path):
    write_document(sample(), tmp_path / "report.docx")
    assert (tmp_path / "report.docx").read_bytes() == path.read_bytes()
    with zipfile.ZipFile(path) as parts:
        assert {item.date_time for item in parts.infolist()} == {(2000, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_names_are_text(tmp_path, kind):
    assert len(SINKS) * len(HOSTILE) >= 24
    write_document(sample(hostile=lambda sink: HOSTILE[kind]), tmp_path / "report.docx")
    said = everything(tmp_path / "report.docx")
    visible = re.sub(r"[\x00-\x1f\u202a-\u202e\u2066-\u2069]", "", HOSTILE[kind])[:60]
    assert visible[:20] in said
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", said)
    with zipfile.ZipFile(tmp_path / "report.docx") as parts:
        body = parts.read("word/document.xml").decode()
        relations = parts.read("word/_rels/document.xml.rels").decode()
    codes = re.findall(r"<w:instrText[^>]*>([^<]*)<", body)
    assert {code.split()[0] for code in codes} == {"PAGEREF"}  # no field but our own
    assert "TargetMode" not in relations  # nothing outside the file


def test_small_numbers_of_a_group_are_not_told(tmp_path):
    assessment = sample()
    few = (assessment.results["group"] == "60plus") & (assessment.results["unit"] == "people")
    results = assessment.results.assign(value=assessment.results["value"].mask(few, 4.0))
    gaps = assessment.gaps.assign(**{name: assessment.gaps[name].mask(assessment.gaps["group"] == "60plus", 4.0)
                                     for name in ("people", "people_out")})
    write_document(replace(assessment, results=results, gaps=gaps,
                           demand=assessment.demand.assign(population_60plus=0.2)), tmp_path / "report.docx")
    for _, name in TOWNSHIPS:
        figures, *gaps = tables_under(tmp_path / "report.docx", name)
        care = next(row for row in figures if row[0] == "养老")
        assert care[1:5] == ["不公开"] * 4
        assert all(row[3] == "不公开" for table in gaps for row in table if row[2] == "养老")
    assert "养老：60岁及以上人口 不公开 人" in everything(tmp_path / "report.docx")


def test_no_data_is_said_and_is_not_zero(tmp_path):
    assessment = sample()
    gone = (assessment.results["layer"] == "sports") & (assessment.results["indicator"] != "x")
    write_document(replace(assessment, results=assessment.results[~gone]), tmp_path / "report.docx")
    assert "健身：缺数据，不作评价。" in everything(tmp_path / "report.docx")
    figures, *_ = tables_under(tmp_path / "report.docx", "东城街道")
    assert next(row for row in figures if row[0] == "健身")[1:] == ["—"] * 5 + ["缺数据"]


def test_chosen_sites_and_the_plan_are_told(tmp_path):
    live = Live.of(read_study(write_town(tmp_path / "town")))
    found = choose_sites(live, ["clinics"], in_places(live.times), new=1)
    assessment = with_sites(assess(live.times.study), found)
    write_document(assessment, tmp_path / "report.docx")
    said = everything(tmp_path / "report.docx")
    site = published(assessment).sites.iloc[0]
    assert f"下一步建在哪里：1 {site['name']}（{site['township']}）　新增 450 人。" in said
    assert f"建议选址：1 {site['name']}" in said
    assert "本次运行没有对照方案。" in said


def test_english(tmp_path):
    write_document(sample(language="en"), tmp_path / "report.docx")
    said = everything(tmp_path / "report.docx")
    assert "Summary" in said
    assert re.search(r"Clinics: of [\d,]+ residents, [\d,]+ are in time", said)


def test_the_command_writes_it_into_a_run(tmp_path):
    directory = write_run(sample(), tmp_path / "run")
    code, out, _ = inside("report", directory, "--only", "docx")
    assert (code, out.strip()) == (0, str(directory / "report.docx"))
    assert "巴州区公共服务圈评估报告" in everything(directory / "report.docx")
