"""Chosen sites on the map: marked, told, searched, and inert where their names are hostile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from browser import chromium, visit
from lifecircle.assess import assess
from lifecircle.live import Live
from lifecircle.outputs.map_text import MODEL_MARK
from lifecircle.outputs.maps import save_map
from lifecircle.siting.candidates import in_places
from lifecircle.siting.sites import choose_sites, with_sites
from lifecircle.study import read_study
from tinytown import write_town

HOSTILE = "<img src=x onerror=document.title='owned'>"


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def sited(tmp_path_factory):
    """The tiny town with one clinic more, in 丙村, which wins 450 people; its name would run if it could."""
    live = Live.of(read_study(write_town(tmp_path_factory.mktemp("town"))))
    candidates = in_places(live.times)
    candidates["name"] = candidates["name"].replace("丙村", HOSTILE)
    found = choose_sites(live, ["clinics"], candidates, new=1)
    return with_sites(assess(live.times.study), found)


def test_a_site_is_marked_and_says_what_it_wins(browser, sited, tmp_path):
    save_map(sited, tmp_path / "map.html")
    with visit(browser, tmp_path / "map.html") as seen:
        page = seen.page
        panel = page.inner_text(".lc-panel")
        assert "建议选址 mclp，已证最优" in panel
        assert "550 → 1,000" in panel
        assert "新增覆盖 450 人" in panel
        assert page.locator(".leaflet-marker-icon svg text").text_content() == "1"
        page.locator(".leaflet-marker-icon:has(svg text)").click()
        popup = page.inner_text(".leaflet-popup-content")
        assert HOSTILE in popup
        assert MODEL_MARK in popup
        assert "450" in popup
        assert page.title() != "owned"
        page.locator('.lc-legend input[value="sites"]').uncheck()
        assert page.locator(".leaflet-marker-icon svg text").count() == 0
        page.locator('.lc-services input[value="elderly_care"]').check()
        assert "建议选址" not in page.inner_text(".lc-facts") + page.inner_text(".lc-legend")
        assert seen.outside == []
        assert seen.complaints == []


def test_a_site_is_found_by_its_name(browser, sited, tmp_path):
    named = replace(sited, sites=sited.sites.assign(name="丙村新诊所"))
    save_map(named, tmp_path / "map.html")
    with visit(browser, tmp_path / "map.html") as seen:
        seen.page.locator('.lc-services input[value="elderly_care"]').check()
        seen.page.fill(".lc-head input", "丙村新诊所")
        seen.page.locator(".lc-head input").dispatch_event("change")
        assert "丙村新诊所" in seen.page.inner_text(".leaflet-popup-content")
        assert seen.page.locator('.lc-services input[value="clinics"]').is_checked()
        assert seen.complaints == []


def test_what_is_hidden_is_not_told(browser, sited, tmp_path):
    few = replace(sited, sites=sited.sites.assign(people_won=np.nan, people_alone=np.nan, people_last=np.nan),
                  siting={**sited.siting, "people_in_time_after": None, "objective": None})
    save_map(few, tmp_path / "map.html")
    with visit(browser, tmp_path / "map.html") as seen:
        panel = seen.page.inner_text(".lc-panel")
        assert "新增覆盖 不公开" in panel
        assert "550 → 不公开" in panel
        assert seen.complaints == []


def test_a_run_without_sites_has_no_word_of_them(browser, sited, tmp_path):
    save_map(replace(sited, sites=sited.sites.iloc[:0], siting={}), tmp_path / "map.html")
    with visit(browser, tmp_path / "map.html") as seen:
        assert "建议选址" not in seen.page.inner_text(".lc-panel")
        assert seen.complaints == []
