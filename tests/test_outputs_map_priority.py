"""The map's theme of priority groups, in a real browser without a network, over the tiny town of test_priority."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from browser import chromium, visit
from lifecircle import assess
from lifecircle.outputs.map_priority import priority_facts
from lifecircle.outputs.map_text import MODEL_MARK
from lifecircle.outputs.maps import save_map
from sample_assessment import sample
from tinytown import write_town

ROWS = ("乡镇,村（社区）,残疾人,低保", "甲街道,甲社区,20,30", "甲街道,乙村,4,12", "乙镇,丙村,40,0", "乙镇,丁村,3,25")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder: Path = tmp_path_factory.mktemp("heat")
    run = write_town(folder, surface={"cell_m": 500}, priority={"file": "counts.csv", "quality": "model"})
    (folder / "counts.csv").write_text("\n".join(ROWS) + "\n", encoding="utf-8")
    save_map(assess(run), folder / "map.html")
    with chromium() as browser, visit(browser, folder / "map.html") as seen:
        seen.page.click(".lc-themes label:has-text('重点人群')")
        yield seen.page
        assert seen.outside == []
        assert seen.complaints == []


def legend(page: Page) -> dict[str, str]:
    return dict(text.rsplit("\n", 1) for text in page.locator(".lc-legend .lc-row").all_inner_texts())


def popup(page: Page, text: str) -> list[str]:
    page.fill("input[type=search]", text)
    page.keyboard.press("Enter")
    page.wait_for_timeout(400)
    return page.locator(".leaflet-popup-content tr").all_inner_texts()


def test_density_of_townships_and_gaps_of_places(page: Page) -> None:
    """低保: 42 and 25 people on 4.62 km2 each, 67 of 1000 residents; 丁 is the one place mostly beyond the clinic."""
    page.select_option("select[name=group]", "0")
    assert MODEL_MARK in page.inner_text(".lc-title")
    facts = page.inner_text(".lc-facts")
    assert "全区 67 人" in facts
    assert "7.25 人/km²，67 人/千居民" in facts
    assert "圈外估算 25 人" in facts
    rows = legend(page)
    assert rows["≥ 8.3"] == "1 个"
    assert rows["多数未覆盖"] == "1 个"
    assert "<10 或连带隐去" not in rows
    assert page.locator(".lc-disc").count() == 3  # nobody of the group lives in 丙


def test_hidden_counts_are_marked_and_never_drawn_as_numbers(page: Page) -> None:
    page.select_option("select[name=group]", "1")
    assert legend(page)["<10 或连带隐去"] == "4 个"
    assert page.locator(".lc-disc").count() == 4
    assert popup(page, "丁村")[2].split("\t") == ["残疾人", "不公开", "—", "—"]
    assert popup(page, "乙镇")[2].split("\t")[:2] == ["残疾人", "43"]


def test_the_service_of_the_gaps_can_be_chosen(page: Page) -> None:
    page.select_option("select[name=group]", "0")
    page.select_option("select[name=gap]", "elderly_care")
    assert legend(page)["多数未覆盖"] == "2 个"
    assert "圈外估算 42 人" in page.inner_text(".lc-facts")
    page.select_option("select[name=gap]", "clinics")


def test_a_map_without_a_register_has_no_such_theme() -> None:
    assert priority_facts(sample(), "zh") is None
