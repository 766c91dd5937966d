"""Write report.docx: summary in plain words, the plan, a page per township, method and data quality."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lifecircle.assessment import Assessment
from lifecircle.indicators.planned import SCORE
from lifecircle.inputs.titles import title as finding_title
from lifecircle.outputs import map_data
from lifecircle.outputs.atomic import replace_file
from lifecircle.outputs.disclosure import published
from lifecircle.outputs.document_text import document_words
from lifecircle.outputs.map_circle import circle_figures, circle_layers
from lifecircle.outputs.map_gaps import township_gaps
from lifecircle.outputs.map_text import MODEL_MARK, scenario_title, words
from lifecircle.outputs.report_text import people_text, report_words, span_text
from lifecircle.outputs.sheet_text import sheet_words, wanted_text
from lifecircle.outputs.sheet_theme import site_lines
from lifecircle.outputs.summary import rate_text
from lifecircle.outputs.townmap import TownMaps
from lifecircle.outputs.wordparts import GREY, RED, Cell, Word
from lifecircle.outputs.workbook import still

_FILLS = {"met": "CFE3F1", "not_met": "F9D9B4", "unsure": "E7E2F0", "undecided": "EFEFEF", "no_data": "EFEFEF"}
_LARGEST, _TOWN_GAPS, _TOWN_FINDINGS = 3, 8, 4
_MAP_MM = 160.0


def write_document(assessment: Assessment, path: str | Path, *, done: Callable[[], None] = lambda: None) -> None:
    """Write the Word report; the same assessment gives the same bytes.

    Parameters
    ----------
    assessment : Assessment
        As it was computed or read back; small numbers of groups are hidden.
    path : str or Path
    done : callable
        Called after each township.

    Raises
    ------
    InputError
        If the file cannot be written; an earlier one is then untouched.
    """
    replace_file(path, still(_Report(published(assessment)).bytes(done)))


class _Report:
    """The report of one published assessment."""

    def __init__(self, assessment: Assessment) -> None:
        self.of, self.run, self.district = assessment, assessment.run, assessment.run["district"]
        self.language = self.district.get("language", "zh")
        self.say, self.told = document_words(self.language), words(self.language)
        self.labels = {layer: record.get(f"label_{self.language}") or layer
                       for layer, record in self.run["layers"].items()}
        self.figures = map_data.unit_figures(assessment)
        self.mark = MODEL_MARK if self.run["quality"] == "model" else ""
        facilities = assessment.facilities
        self.facility_names = {key: name for key, name in zip(facilities["facility_id"], facilities["name"],
                                                              strict=True) if name == name and name}
        reach = assessment.gaps[assessment.gaps["kind"] == "reach"]
        self.gaps = reach.sort_values(["people_out", "people", "place_code", "layer"], kind="stable",
                                      ascending=[False, False, True, True])
        title = self.say["title"].format(district=self.district["name"])
        foot = self.say["cover_run"].format(run=self.run["run_id"], version=self.run["lifecircle"])
        self.word = Word(title, title, foot, self.mark)

    def bytes(self, done: Callable[[], None]) -> bytes:
        """Write all parts and give the file."""
        self._cover()
        self._summary()
        self._plan()
        self._overview()
        self._towns(done)
        self._method()
        return self.word.bytes()

    def _cover(self) -> None:
        word, say, district = self.word, self.say, self.district
        word.title(say["title"].format(district=district["name"]))
        if self.mark:
            word.say(self.mark, colour=RED, size=20, bold=True)
            word.say(say["model"], colour=RED)
        scenario, approval = scenario_title(self.run.get("scenario")), district.get("map_approval_number", "")
        date = district.get("data_date", "")
        for line in (f"{self.told['scenario']}{self.told['colon']}{scenario}" if scenario else "",
                     report_words(self.language)["date"].format(date=date) if date else "",
                     say["cover_run"].format(run=self.run["run_id"], version=self.run["lifecircle"]),
                     say["cover_crs"].format(crs=self.run["crs"])):
            if line:
                word.say(line, colour=GREY)
        word.say(f"{self.told['approval']}{self.told['colon']}{approval}" if approval else self.told["not_approved"],
                 colour=None if approval else RED)
        word.say(say["contents"], size=13, bold=True)
        word.contents()

    def _summary(self) -> None:
        word, say, of = self.word, self.say, self.of
        word.heading(say["summary"], new_page=True)
        word.say(say["people"].format(people=people_text(self.district.get("population"), self.language),
                                      townships=len(of.townships), places=len(of.places)))
        for layer in of.layers:
            for sentence in self._service(layer):
                word.say(sentence, style="List Bullet")
        own = circle_figures(of).get(self.district["code"], {})
        if own.get("rate") is not None:
            word.say(say["all"].format(rate=span_text(own, self.language), mean=_plain(own.get("mean"), say["none"]),
                                       services=len(circle_layers(of))))
        word.say(say["interval"], colour=GREY)
        lines = site_lines(of.sites, self.language) if of.siting else ()
        word.say(say["next"].format(list=self.told["list"].join(lines)) if lines else say["next_none"])

    def _service(self, layer: str) -> Iterator[str]:
        """Say in whole sentences how a service stands in the district, and where most people are without it."""
        say, figures = self.say, self.figures.get(self.district["code"], {}).get(layer, {})
        verdicts, known = self.told["verdicts"], False
        if "rate" in figures:
            known = True
            group = self.run["layers"][layer].get("group", "all")
            told = {"layer": self.labels[layer], "group": self.told["group"].get(group, group),
                    "rate": span_text(figures, self.language), "people": people_text(figures["people"], self.language),
                    "verdict": verdicts.get(figures["verdict"], figures["verdict"])}
            counts = {name: figures.get(name) for name in ("out", "undetermined")}
            inside = self._count("people_in_time", layer, self.district["code"])
            if inside is None:
                sentence = say["service_hidden"].format(**told)
            elif None in counts.values():
                sentence = say["service_partly"].format(in_time=people_text(inside, self.language), **told)
            else:
                sentence = say["service"].format(in_time=people_text(inside, self.language), **told, **{
                    name: people_text(count, self.language) for name, count in counts.items()})
            largest = self.gaps[(self.gaps["layer"] == layer) & (self.gaps["people_out"] > 0)].head(_LARGEST)
            items = [say["largest_item"].format(place=row.place, township=row.township,
                                                out=people_text(row.people_out, self.language))
                     for row in largest.itertuples()]
            yield sentence + (say["largest"].format(list=say["join"].join(items)) if items else "")
        if "m2" in figures:
            known = True
            target = figures.get("m2_target")
            told = {"layer": self.labels[layer], "m2": f"{figures['m2']:.2f}"}
            yield (say["m2"].format(**told, target=f"{target:g}", verdict=verdicts.get(figures["m2_verdict"], "–"))
                   if target else say["m2_bare"].format(**told))
        if not known:
            yield say["no_data"].format(layer=self.labels[layer])

    def _count(self, indicator: str, layer: str, code: str) -> float | None:
        rows = self.of.headline(indicator)
        rows = rows[(rows["layer"] == layer) & (rows["township_code"] == code) & (rows["class"] == "all")
                    & (rows["level"] == "all")]
        return None if rows.empty or np.isnan(rows["value"].iloc[0]) else float(rows["value"].iloc[0])

    def _plan(self) -> None:
        word, say, card = self.word, self.say, self.of.scorecard
        word.heading(say["plan"], new_page=True)
        if card.empty:
            word.say(say["no_plan"])
            return
        card = card[card["township_code"] == self.district["code"]]
        known = card["actual"].notna()
        measures = card["indicator"] != SCORE  # the sum of the points is no measure
        word.say(say["listed"].format(count=int((known & measures).sum()), bare=int((~known & measures).sum())))
        units = sheet_words(self.language)["values"].get("unit", {})

        def amount(value: float, unit: str) -> str:
            if value != value:
                return str(say["none"])
            return rate_text(value) if unit == "share" else f"{value:,.2f}".rstrip("0").rstrip(".") + (
                f" {units.get(unit, unit.replace('m2', 'm²'))}".rstrip())

        rows: list[list[Cell]] = [
            [f"{row.number:.0f}" if row.number else "", row.title, amount(row.target, row.unit),
             amount(row.actual, row.unit), amount(row.gap, row.unit), self._verdict(row.verdict), row.lead_unit]
            for row in card[known].itertuples()]
        word.caption(say["plan_table"])
        word.table(say["plan_heads"], rows, (11, 47, 22, 24, 22, 18, 26), numbers=(2, 3, 4))
        bare: list[list[Cell]] = [[f"{row.number:.0f}" if row.number else "", row.title, amount(row.target, row.unit),
                                   wanted_text(row.wanted, self.language), row.lead_unit]
                                  for row in card[~known].itertuples()]
        if bare:
            word.caption(say["bare_table"])
            word.table(say["bare_heads"], bare, (11, 47, 22, 60, 30), numbers=(2,))

    def _verdict(self, verdict: str) -> tuple[str, str]:
        return str(self.told["verdicts"].get(verdict, verdict)), _FILLS.get(verdict, "EFEFEF")

    def _overview(self) -> None:
        say, towns = self.say, self.of.townships
        layers = [layer for layer in self.of.layers if self.run["layers"][layer].get("reach", True)][:6]
        self.word.heading(say["towns"], new_page=True)
        self.word.caption(say["rates_table"])
        units = [*zip(towns["township_code"], towns["township"], strict=True),
                 (self.district["code"], self.told["total"])]
        rows: list[list[Cell]] = [[name, *(span_text(self.figures.get(code, {}).get(layer, {}), self.language)
                                           for layer in layers)] for code, name in units]
        self.word.table([say["unit"], *(self.labels[layer] for layer in layers)], rows,
                        (30, *[140 / max(len(layers), 1)] * len(layers)), numbers=range(1, len(layers) + 1))

    def _towns(self, done: Callable[[], None]) -> None:
        maps, towns = TownMaps(self.of), self.of.townships
        lacking = township_gaps(self.of)
        for code, name in zip(towns["township_code"], towns["township"], strict=True):
            self.word.heading(name, 2, new_page=True)
            self._town(maps, code, name, lacking.get(code, []))
            done()

    def _town(self, maps: TownMaps, code: str, name: str, lacking: list[dict[str, Any]]) -> None:
        word, say = self.word, self.say
        places = int((self.of.places["township_code"] == code).sum())
        residents = self.of.demand.loc[self.of.demand["township_code"] == code, "population"].sum()
        word.say(say["population"].format(people=people_text(residents, self.language), places=places))
        gaps = self.gaps[(self.gaps["township_code"] == code)]
        shown = gaps.head(_TOWN_GAPS)
        word.picture(maps.png(code, list(shown["place_code"])), _MAP_MM,
                     say["map_words"].format(township=name, mark=self.mark))
        word.caption(say["figures"].format(township=name))
        rows = [self._figures(layer, self.figures.get(code, {}).get(layer, {})) for layer in self.of.layers]
        word.table(say["figure_heads"], rows, (38, 18, 32, 18, 16, 22, 26), numbers=(1, 2, 3, 4, 5))
        if len(shown):
            word.caption(say["gaps"].format(count=len(gaps)))
            word.table(say["gap_heads"], [self._gap(number, row) for number, row in
                                          enumerate(shown.to_dict("records"), start=1)],
                       (10, 26, 37, 17, 16.5, 16.5, 15, 32), numbers=(0, 3, 4, 5))
        else:
            word.say(say["no_gaps"])
        self._remarks(code, lacking)

    def _figures(self, layer: str, figures: dict[str, Any]) -> list[Cell]:
        none = self.say["none"]
        counts = [people_text(figures[name], self.language) if name in figures else none
                  for name in ("people", "out", "undetermined")]
        area = f"{figures['m2']:.2f}" if "m2" in figures else none
        if figures.get("m2_target"):
            area += f" / {figures['m2_target']:g}"
        reached = self.run["layers"][layer].get("reach", True)
        verdict = self._verdict(figures.get("verdict" if reached else "m2_verdict") or "no_data")
        if reached and figures.get("m2_target"):
            of_area = self._verdict(figures["m2_verdict"])
            verdict = f"{verdict[0]}{self.told['separator']}{self.say['area'].format(verdict=of_area[0])}", of_area[1]
        return [self.labels[layer], counts[0], span_text(figures, self.language), *counts[1:], area, verdict]

    def _gap(self, number: int, row: dict[str, Any]) -> list[Cell]:
        minutes = [self.told["none"] if value != value else f"{value:.1f}" if np.isfinite(value)
                   else self.say["gap_unreached"] for value in (row["minutes_median"], row["minutes_over"])]
        nearest = row["nearest_facility"] if row["nearest_facility"] == row["nearest_facility"] else ""
        return [str(number), row["place"] or row["township"], self.labels.get(row["layer"], row["layer"]),
                people_text(row["people_out"], self.language), *minutes,
                self.told["cause"].get(row["cause"], row["cause"]), self.facility_names.get(nearest, nearest)]

    def _remarks(self, code: str, lacking: list[dict[str, Any]]) -> None:
        """Say what else is short, which sites were chosen here, and which findings touch the figures."""
        word, say = self.word, self.say
        items = [say["lacking_item"].format(
            layer=self.labels.get(item["layer"], item["layer"]), kind=self.told["kind"].get(item["kind"], item["kind"]),
            of=self.told["unit_names"].get(item["metric"], ""),
            short=people_text(item["short"], self.language) if not isinstance(item["short"], str) else item["short"],
            unit="" if item["short"] is None else self.told["units"].get(item["unit"], item["unit"]),
            ).rstrip() for item in lacking]
        if items:
            word.say(say["lacking"].format(list=self.told["list"].join(items)), size=9)
        if self.of.siting:
            here = self.of.sites[self.of.sites["township_code"] == code]
            if len(here):
                word.say(say["sites"].format(list=self.told["list"].join(site_lines(here, self.language))), size=9)
        found = list(dict.fromkeys(item for layer in self.of.layers for item in self.of.doubts(layer, code)))
        texts = [finding_title(item.code, self.language) for item in found]
        texts = [f"{text}（{self.labels.get(item.layer, item.layer)}）" if item.layer else text
                 for text, item in zip(texts, found, strict=True)]
        more = [say["more"].format(count=len(texts))] if len(texts) > _TOWN_FINDINGS else []
        word.say(say["findings"].format(list=self.told["list"].join([*texts[:_TOWN_FINDINGS], *more])) if texts
                 else say["no_findings"], size=9)

    def _method(self) -> None:
        word, say, told = self.word, self.say, self.told
        word.heading(say["method"], new_page=True)
        for sentence in say["methods"]:
            word.say(sentence, style="List Bullet")
        if rule := self.run.get("classes", {}).get("rule"):
            word.say(say["class_rule"].format(rule=rule))
        word.caption(say["rules"])
        rows: list[list[Cell]] = []
        for layer in self.of.layers:
            own = map_data.layer_facts(self.of, layer, self.language, {})
            rules = {rule["class"]: f"{rule['cutoff_min']:g} {told['minutes']} {rule['mode']}" for rule in own["rules"]}
            group = self.run["layers"][layer].get("group", "all")
            rows.append([own["label"], told["group"].get(group, group),
                         *(rules.get(name, told["no_rule"]) for name in ("urban", "rural")), own["lead"],
                         told["quality"].get(own["quality"], own["quality"])])
        word.table(say["rule_heads"], rows, (42, 32, 30, 30, 22, 14))
        self._findings()
        inputs = self.run.get("inputs", [])
        if inputs:
            word.caption(say["inputs"])
            word.table(say["input_heads"], [[str(item.get("role", "")), str(item.get("file", "")),
                                             str(item.get("sha256", ""))[:12], f"{item.get('bytes', 0):,}"]
                                            for item in inputs], (36, 78, 32, 24), numbers=(3,))
        listed = [f"{name} {number}" for name, number in self.run.get("versions", {}).items()]
        word.say(say["versions"].format(list=told["list"].join(listed)), colour=GREY, size=9)

    def _findings(self) -> None:
        values = sheet_words(self.language)["values"].get("severity", {})
        rows: list[list[Cell]] = [
            [values.get(item.severity, item.severity), finding_title(item.code, self.language),
             self.labels.get(item.layer, item.layer), item.message, f"{item.count:,}"] for item in self.of.findings]
        if rows:
            self.word.caption(self.say["finding_table"])
            self.word.table(self.say["finding_heads"], rows, (14, 40, 30, 72, 14), numbers=(4,))


def _plain(value: float | None, none: str) -> str:
    return none if value is None or pd.isna(value) else f"{value:.2f}"
