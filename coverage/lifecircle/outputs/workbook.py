"""Write report.xlsx: a sheet per table, with frozen heads, numbers as numbers, codes as text, verdicts in colour."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from openpyxl import Workbook
from openpyxl.formatting.rule import CellIsRule, DataBarRule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from lifecircle.assessment import Assessment
from lifecircle.outputs.atomic import replace_file
from lifecircle.outputs.disclosure import published
from lifecircle.outputs.geopackage import headline_figures
from lifecircle.outputs.map_text import MODEL_MARK, scenario_title, words
from lifecircle.outputs.sheet_text import sheet_words, wanted_text
from lifecircle.outputs.tables import CONTROL_CHARACTERS

#: The moment that every workbook says it was made, so that the same answer gives the same bytes.
_MOMENT = datetime(2000, 1, 1)
_HEAD_ROW = 3
_WIDEST = 46
_HEAD = PatternFill("solid", fgColor="E9E4DA")
_TOTAL = PatternFill("solid", fgColor="F4F2EC")
_THIN = Side(style="thin", color="C9C3B6")
_FILLS = {"met": "CFE3F1", "not_met": "F9D9B4", "unsure": "E7E2F0", "undecided": "EFEFEF", "no_data": "EFEFEF"}
#: End of a column's name -> how its numbers are shown; the first that fits.
_FORMATS = (("share_", "0.0%"), ("rate", "0.0%"), ("minutes", "0.0"), ("m2_per_head", "0.00"), ("per_head", "0.00"),
            ("share", "0.0%"), ("year", "0"), ("rank", "0"), ("number", "0"))


@dataclass(frozen=True)
class Sheet:
    """One sheet: key of its title, the table, columns that are shares, and the rows that are totals."""

    key: str
    table: pd.DataFrame
    totals: pd.Series | None = None
    groups: pd.Series | None = None


def write_workbook(assessment: Assessment, path: str | Path) -> None:
    """Write the workbook; the same assessment gives the same bytes.

    Parameters
    ----------
    assessment : Assessment
        As it was computed or read back; small numbers of groups are hidden.
    path : str or Path
        Replaced if it is there.

    Raises
    ------
    InputError
        If the file cannot be written; an earlier one is then untouched.
    """
    assessment = published(assessment)
    language = assessment.run["district"].get("language", "zh")
    told, book = sheet_words(language), Workbook()
    lacking = told["columns"].get("share_lacking", "share_lacking")
    told["columns"] = {**told["columns"], **{
        f"share_lacking_{layer}": f"{record.get(f'label_{language}') or layer}·{lacking}"
        for layer, record in assessment.run["layers"].items()}}
    book.remove(book.active)
    book.properties.creator, book.properties.created = "lifecircle", _MOMENT
    marks = _marks(assessment, language)
    for sheet in sheets(assessment):
        _fill(book.create_sheet(told["sheets"][sheet.key]), sheet, told, marks, language)
    made = io.BytesIO()
    book.save(made)
    replace_file(path, still(made.getvalue()))


def sheets(assessment: Assessment) -> Iterator[Sheet]:
    """Give the tables of the workbook in their order, in the columns of their contracts."""
    language = assessment.run["district"].get("language", "zh")
    district = assessment.run["district"]["code"]
    labels = {layer: record.get(f"label_{language}") or layer for layer, record in assessment.run["layers"].items()}
    overview = coverage_table(assessment)
    yield Sheet("overview", _labelled(overview[overview["township_code"] == district], labels))
    yield Sheet("townships", _labelled(overview, labels), overview["township_code"] == district, overview["group"])
    yield Sheet("gaps", _labelled(assessment.gaps, labels), None, assessment.gaps["group"])
    if len(assessment.scorecard):
        card = assessment.scorecard
        card = card.assign(wanted=card["wanted"].map(lambda text: wanted_text(text, language)))
        yield Sheet("scorecard", _labelled(card, labels), card["township_code"] == district)
        ranking = assessment.ranking
        yield Sheet("ranking", ranking, ranking["township_code"] == district)
    if assessment.siting:
        sites = pd.DataFrame(assessment.sites.drop(columns="geometry"))
        yield Sheet("sites", _labelled(sites, labels), None, sites["group"])
    facilities = pd.DataFrame(assessment.facilities.drop(columns=assessment.facilities.geometry.name))
    yield Sheet("facilities", _labelled(facilities, labels))
    if len(assessment.places_services):
        places = assessment.places_services
        yield Sheet("places", places.assign(binding_service=places["binding_service"].replace(labels)))
    findings = pd.DataFrame([item.as_dict() for item in assessment.findings])
    if len(findings):
        told = ["severity", "code", "layer", "township_code", "message", "count", "file", "id", "remedy"]
        yield Sheet("findings", _labelled(findings[told], labels))


def coverage_table(assessment: Assessment) -> pd.DataFrame:
    """Give reach and area per head of every layer and unit, class ``all``, headline rules, the district's rows last.

    Returns
    -------
    DataFrame
        layer, township_code, township, group, people, people_in_time, people_out, people_undetermined, coverage_rate,
        low, high, verdict, area_per_head_m2, area_target_m2, area_verdict, quality.
    """
    key = ["layer", "township_code", "township"]
    rate = headline_figures(assessment, "coverage_rate")[[*key, "group", "value", "low", "high", "verdict", "quality"]]
    rate = rate.rename(columns={"value": "coverage_rate"})
    for name in ("people", "people_in_time", "people_out", "people_undetermined"):
        figures = headline_figures(assessment, name).set_index(key)["value"].rename(name)
        rate = rate.join(figures, on=key)
    area = headline_figures(assessment, "area_per_head_m2")[[*key, "value", "target", "verdict", "quality"]]
    area = area.rename(columns={"value": "area_per_head_m2", "target": "area_target_m2", "verdict": "area_verdict",
                                "quality": "area_quality"})
    both = rate.merge(area, on=key, how="outer")
    both["quality"] = both["quality"].where(both["quality"].notna(), both["area_quality"])
    order = {layer: at for at, layer in enumerate(assessment.layers)}
    units = [*assessment.townships["township_code"], assessment.run["district"]["code"]]
    both = both.assign(group=both["group"].fillna("all"), _layer=both["layer"].map(order),
                       _unit=both["township_code"].map({code: at for at, code in enumerate(units)}))
    both = both.sort_values(["_layer", "_unit"], kind="stable", ignore_index=True)
    return both[[*key, "group", "people", "people_in_time", "people_out", "people_undetermined", "coverage_rate", "low",
                 "high", "verdict", "area_per_head_m2", "area_target_m2", "area_verdict", "quality"]]


def _labelled(table: pd.DataFrame, labels: dict[str, str]) -> pd.DataFrame:
    return table.assign(layer=table["layer"].map(lambda layer: labels.get(layer, layer)))


def _marks(assessment: Assessment, language: str) -> tuple[str, str]:
    """Give the two lines above every table: district, scenario and the mark of model data; run, date and notice."""
    run, told = assessment.run, words(language)
    district, scenario = run["district"], scenario_title(run.get("scenario"))
    first = [district["name"], f"{told['scenario']}{told['colon']}{scenario}" if scenario else "",
             MODEL_MARK if run["quality"] == "model" else ""]
    approval = district.get("map_approval_number", "")
    second = [f"{told['run']} {run['run_id']}", f"lifecircle {run['lifecircle']}",
              f"{told['date']} {district['data_date']}" if district.get("data_date") else "",
              f"{told['approval']} {approval}" if approval else ""]
    return " · ".join(filter(None, first)), " · ".join(filter(None, second))


def _fill(page: Worksheet, sheet: Sheet, told: dict[str, Any], marks: tuple[str, str], language: str) -> None:
    table, columns = sheet.table.reset_index(drop=True), told["columns"]
    for row, text in enumerate(marks, start=1):
        cell = page.cell(row, 1)
        _set(cell, text)
        cell.font = Font(bold=row == 1, color="A3260F" if MODEL_MARK in text else "333333")
    for at, name in enumerate(table.columns, start=1):
        cell = page.cell(_HEAD_ROW, at)
        _set(cell, columns.get(name, name))
        cell.font, cell.fill = Font(bold=True), _HEAD
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        cell.border = Border(bottom=_THIN)
        _column(page, at, name, table[name], sheet, told)
    last = _HEAD_ROW + max(len(table), 1)
    if sheet.totals is not None:
        for total in np.flatnonzero(sheet.totals.to_numpy()).tolist():
            for cell in page[_HEAD_ROW + 1 + total]:
                cell.font, cell.fill = Font(bold=True), _TOTAL
    _colour(page, table, last, told)
    page.freeze_panes = page.cell(_HEAD_ROW + 1, 1 + _names(table))
    page.auto_filter.ref = f"A{_HEAD_ROW}:{get_column_letter(len(table.columns))}{last}"
    page.page_setup.orientation, page.page_setup.paperSize = "landscape", page.PAPERSIZE_A4
    page.page_setup.fitToHeight, page.sheet_properties.pageSetUpPr.fitToPage = 0, True
    page.print_title_rows = f"1:{_HEAD_ROW}"
    page.oddFooter.center.text = marks[0].replace("&", "&&") + " — &P/&N"


def _names(table: pd.DataFrame) -> int:
    """Count the first columns that say which row it is; they stay in sight."""
    first = [name in ("layer", "township_code", "township", "rank", "candidate_id", "name", "number", "title",
                      "facility_id", "place_code", "place", "severity", "code") for name in table.columns]
    return first.index(False) if False in first else len(first)


def _column(page: Worksheet, at: int, name: str, values: pd.Series, sheet: Sheet, told: dict[str, Any]) -> None:
    """Write one column: numbers as numbers, everything else as text that no spreadsheet takes for a formula."""
    number = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
    shares = sheet.table["unit"].eq("share").to_numpy() if "unit" in sheet.table.columns else None
    grouped = None if sheet.groups is None else sheet.groups.ne("all").to_numpy()
    counted = name.startswith("people") or name in ("need", "have", "short", "coverage_rate", "low", "high")
    widest = _width(told["columns"].get(name, name))
    for row, value in enumerate(values.tolist()):
        cell = page.cell(_HEAD_ROW + 1 + row, at)
        if number:
            if value == value and np.isfinite(value):
                cell.value = round(float(value), 9)
                cell.number_format = "0.0%" if shares is not None and shares[row] and name in _SHARED else _format(name)
            elif value == value:
                _set(cell, told["unreachable"])
            elif counted and grouped is not None and grouped[row]:
                _set(cell, told["hidden"])
            cell.alignment = Alignment(horizontal="right")
            shown = f"{value:,.1f}" if value == value else ""
        else:
            shown = told["values"].get(name, {}).get(value, value) if isinstance(value, str) else value
            shown = told["yes"][value] if isinstance(value, bool) else "" if shown is None or shown != shown else shown
            _set(cell, str(shown))
        widest = max(widest, _width(str(shown)))
    page.column_dimensions[get_column_letter(at)].width = min(widest + 3, _WIDEST)


#: Columns of the scorecard and the results that are shares where the row's unit says so.
_SHARED = frozenset({"target", "actual", "low", "high", "gap", "value"})


def _format(name: str) -> str:
    if name in ("low", "high"):
        return "0.0%"
    return next((form for part, form in _FORMATS if part in name), "#,##0.##")


def _set(cell: Any, text: str) -> None:
    """Write text that stays text, whatever it begins with."""
    cell.value = text.translate(CONTROL_CHARACTERS)[:32_767]
    cell.data_type = "s"
    cell.quotePrefix = text[:1] in "=+-@＝＋－＠" and bool(text)


def _colour(page: Worksheet, table: pd.DataFrame, last: int, told: dict[str, Any]) -> None:
    for at, name in enumerate(table.columns, start=1):
        letter = get_column_letter(at)
        area = f"{letter}{_HEAD_ROW + 1}:{letter}{last}"
        if name in ("verdict", "area_verdict"):
            for verdict, fill in _FILLS.items():
                shown = told["values"]["verdict"][verdict]
                page.conditional_formatting.add(area, CellIsRule(operator="equal", formula=[f'"{shown}"'],
                                                                 fill=PatternFill("solid", bgColor=fill)))
        if name in ("coverage_rate", "share_all"):
            page.conditional_formatting.add(area, DataBarRule("num", 0, "num", 1, color="8DBBDD"))


def _width(text: str) -> int:
    return sum(2 if letter >= "\u2e80" else 1 for letter in text)


def still(made: bytes) -> bytes:
    """Give an Office file with one moment for all its parts."""
    out_file = io.BytesIO()
    stamp = _MOMENT.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    with zipfile.ZipFile(io.BytesIO(made)) as parts, zipfile.ZipFile(out_file, "w", zipfile.ZIP_DEFLATED) as out:
        for name in sorted(parts.namelist(), key=lambda part: (part != "[Content_Types].xml", part)):
            content = parts.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*", rb"\g<1>" + stamp, content)
            out.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return out_file.getvalue()
