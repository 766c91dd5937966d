"""Understand the rows of a facility register: which layer, which state, which id, where the doors are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifecircle.errors import BadValueError, ConfigError, EmptyTableError, MissingColumnError, NoMatchError, first_of
from lifecircle.inputs.cells import as_text, rename_columns
from lifecircle.inputs.files import read_layer
from lifecircle.inputs.findings import Findings, join_codes
from lifecircle.inputs.headers import heading, plain, recognise
from lifecircle.inputs.joins import text_column
from lifecircle.inputs.shapes import clean, in_place, to_crs
from lifecircle.policy import LayerPolicy, Policy
from lifecircle.runfile import Facilities, RunFile

#: The words that registers use for the state of a facility -> ours; closed ones are left out. 新建 is none of them: it
#: is said of what was built lately, of what is being built and of what is to be.
STATUS_WORDS: dict[str, str] = {
    **dict.fromkeys(("existing", "已建", "已建成", "建成", "现状", "运营", "运营中", "正常", "正常运营", "在用",
                     "使用中", "已投用", "开放", "开放中", "营业", "有"), "existing"),
    **dict.fromkeys(("building", "在建", "建设中", "施工中", "改建中", "扩建中"), "building"),
    **dict.fromkeys(("planned", "拟建", "规划", "计划", "待建", "筹建", "规划中"), "planned"),
    **dict.fromkeys(("closed", "停用", "关闭", "已关闭", "已停用", "停业", "撤销", "已撤销", "废弃", "拆除",
                     "已拆除"), "closed"),
}
#: The words for a facility under a roof, or in the open.
SETTING_WORDS: dict[str, str] = {
    **dict.fromkeys(("indoor", "室内", "室内型", "室内场所"), "indoor"),
    **dict.fromkeys(("outdoor", "室外", "室外型", "室外场所", "露天"), "outdoor"),
}
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_SAME_SPOT_M = 1.0


class Claims:
    """Remember which rows of a file that holds several layers were taken by one of them."""

    def __init__(self) -> None:
        self._words: dict[tuple[Path, str | None], pd.DataFrame] = {}
        self._left: dict[tuple[Path, str | None], pd.Series] = {}
        self._layers: dict[tuple[Path, str | None], list[str]] = {}

    def take(self, raw: gpd.GeoDataFrame, source: Facilities, where: Path) -> gpd.GeoDataFrame:
        """Keep the rows that hold the words of ``where``; without it all rows are this layer's.

        Raises
        ------
        MissingColumnError, EmptyTableError
            If the file has no such column; if no row holds the words.
        """
        mine, key = pd.Series(True, index=raw.index), (where, source.sheet)
        words = self._words.setdefault(key, pd.DataFrame(index=raw.index))
        for column, asked in source.where.items():
            words[column] = _column(raw, column, where).map(plain)
            wanted = {plain(word) for word in ([asked] if isinstance(asked, str) else asked)}
            mine &= words[column].isin(wanted)
            if not mine.any():
                raise EmptyTableError(where, f"layer {source.layer}: no row holds {first_of(sorted(wanted))} in column "
                                             f"{column}, which holds {first_of(words[column].unique(), 8)}",
                                      "correct where = { … }")
        self._left[key] = self._left.get(key, pd.Series(True, index=raw.index)) & ~mine
        self._layers.setdefault(key, []).append(source.layer)
        return raw[mine]

    def report(self, findings: Findings) -> None:
        """Say which rows no layer took."""
        for key, left in self._left.items():
            words = self._words[key][left]
            if len(words):
                told = words.replace("", "(blank)").agg(" ".join, axis=1)
                findings.add("warn", "rows_unclaimed", f"{len(words)} rows belong to no layer of the run file by "
                             f"{first_of(words.columns)}", file=key[0].name, id=first_of(words.index, 20),
                             count=len(words), layer=join_codes(self._layers[key]), value=first_of(told.unique()),
                             remedy="add a [[facilities]] table or a word to where = { … }")


def _column(raw: pd.DataFrame, column: str, where: Path) -> pd.Series:
    """Find a column by the file's own name, also where it has got ours already."""
    ours = next((name for name in recognise([column])), column)
    for name in (column, ours, *(name for name in raw.columns if heading(str(name)).word == heading(column).word)):
        if name in raw.columns:
            return text_column(raw, name)
    raise MissingColumnError(where, f"no column {column}; the columns are {first_of(raw.columns, 12)}",
                             "correct where = { … }")


def settle_status(raw: gpd.GeoDataFrame, source: Facilities, where: Path, findings: Findings) -> gpd.GeoDataFrame:
    """Give each row its state and leave out what is closed; a facility that does not say counts as existing.

    Raises
    ------
    BadValueError
        If a word is not known; the rows are named.
    """
    given = text_column(raw, "status").map(plain)
    blank = given == ""
    if blank.any() and "status" in raw.columns:
        findings.add("note", "status_assumed", f"layer {source.layer}: {int(blank.sum())} rows do not say their status "
                     "and count as existing", file=where.name, layer=source.layer, count=int(blank.sum()),
                     id=first_of(raw.index[blank]))
    words = STATUS_WORDS | {plain(word): ours for word, ours in source.statuses.items()}
    state = given.str.lower().map(words).where(~given.isin(source.statuses), given.map(source.statuses)).where(
        ~blank, "existing")
    unknown = state.isna()
    if unknown.any():
        findings.fail(BadValueError(where, f"column status holds {first_of(given[unknown].unique(), 3)} in row "
                                           f"{first_of(raw.index[unknown])}",
                                    "use existing, building, planned, closed, or map the word: statuses = { … }"),
                      "status_unknown", id=first_of(raw.index[unknown], 20), value=first_of(given[unknown].unique()),
                      layer=source.layer, count=int(unknown.sum()))
    closed = state == "closed"
    if closed.any():
        findings.add("warn", "facilities_closed", f"layer {source.layer}: {int(closed.sum())} facilities are closed "
                     "and left out", file=where.name, layer=source.layer, id=first_of(raw.index[closed], 20),
                     value=first_of(given[closed].unique()), count=int(closed.sum()),
                     remedy="take them off the register of today, or correct their status")
    return raw.assign(status=state)[~closed & ~unknown]


def settle_levels(raw: gpd.GeoDataFrame, source: Facilities) -> pd.Series:
    """Translate the file's words for levels as the run file says; blank cells get the source's level."""
    given = text_column(raw, "level").map(plain)
    known = {plain(word): ours for word, ours in source.levels.items()}
    return given.where(~given.isin(known), given.map(known)).where(given != "", source.level or "all")


def settle_ids(raw: gpd.GeoDataFrame, layer: str, where: Path, count: int, findings: Findings) -> gpd.GeoDataFrame:
    """Keep the file's ids, or number the layer's facilities on from those read before.

    Raises
    ------
    BadValueError
        If an id is blank or stands twice in the layer.
    """
    if "facility_id" not in raw.columns:
        return raw.assign(facility_id=[f"{layer}-{count + number:04d}" for number in range(1, len(raw) + 1)])
    ids = as_text(raw["facility_id"])
    blank = ids == ""
    if blank.any():
        findings.fail(BadValueError(where, f"layer {layer}: facility_id is blank in row {first_of(ids.index[blank])}",
                                    "give each its id, or leave the column out"),
                      "id_blank", id=first_of(ids.index[blank], 20), layer=layer, count=int(blank.sum()))
    twice = ids.duplicated(keep=False) & ~blank
    if twice.any():
        findings.fail(BadValueError(where, f"layer {layer}: facility_id {first_of(ids[twice].unique())} is given to "
                                           f"several facilities, in row {first_of(ids.index[twice])}",
                                    "make the ids unique"),
                      "id_twice", id=first_of(ids.index[twice], 20), value=first_of(ids[twice].unique()), layer=layer,
                      count=int(twice.sum()))
        rows = pd.Series(ids.index.astype(str), index=ids.index)
        ids = ids.mask(ids.duplicated(), ids + " (row " + rows + ")")
    return raw.assign(facility_id=ids)[~blank]


def unique_ids(table: gpd.GeoDataFrame, where: Path, findings: Findings) -> gpd.GeoDataFrame:
    """Make ids unique over all layers: one that two layers share gets the layer's name before it.

    Raises
    ------
    BadValueError
        If an id stands twice in one layer.
    """
    twice = table.duplicated(["layer", "facility_id"], keep=False)
    if twice.any():
        names, layers = table["facility_id"][twice].unique(), table["layer"][twice].unique()
        findings.fail(BadValueError(where, f"facility_id {first_of(names)} is given to several facilities of layer "
                                           f"{first_of(layers)}", "make the ids unique"),
                      "id_twice", id=first_of(names, 20), layer=first_of(layers), count=int(twice.sum()))
        table = table[~table.duplicated(["layer", "facility_id"])]
    shared = table["facility_id"].duplicated(keep=False)
    if shared.any():
        findings.add("note", "ids_shared", f"{table['facility_id'][shared].nunique()} ids stand in several layers; the "
                     "layer was put before them", file=where.name, id=first_of(table["facility_id"][shared].unique()),
                     count=int(shared.sum()))
        longer = table["layer"] + "-" + table["facility_id"]
        table = table.assign(facility_id=table["facility_id"].mask(shared, longer))
    return table


def leave_out_unplaced(raw: gpd.GeoDataFrame, source: Facilities, where: Path, findings: Findings,
                       ) -> gpd.GeoDataFrame:
    """Leave out rows without a position; those that give an address are listed, not guessed.

    Raises
    ------
    EmptyTableError
        If no row has one.
    BadValueError
        If a row stands at 0, 0, where no facility does.
    """
    shapes = raw.geometry.to_numpy()
    lost = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    if lost.all():
        raise EmptyTableError(where, f"layer {source.layer}: no feature has a geometry",
                              "check the coordinate columns and the export")
    address, name = text_column(raw, "address"), text_column(raw, "name")
    known = lost & (address != "").to_numpy()
    for code, mask, what, remedy in (
            ("address_only", known, "rows give an address and no coordinates; they were left out, not guessed",
             "look the addresses up and enter coordinates"),
            ("geometry_missing", lost & ~known, "features without a position were left out",
             "give them coordinates")):
        if mask.any():
            value = first_of((name + " " + address)[mask].str.strip().tolist(), 20)
            findings.add("warn", code, f"layer {source.layer}: {int(mask.sum())} {what}", file=where.name,
                         id=first_of(raw.index[mask], 20), value=value, layer=source.layer, count=int(mask.sum()),
                         remedy=remedy)
    raw = raw[~lost]
    middle = shapely.get_coordinates(shapely.centroid(raw.geometry.to_numpy()))
    zero = (np.abs(middle) < 1e-9).all(axis=1)
    if zero.any():
        findings.fail(BadValueError(where, f"layer {source.layer}: row {first_of(raw.index[zero])} stands at 0, 0",
                                    "enter the coordinates, or leave the cells blank"),
                      "position_zero", id=first_of(raw.index[zero], 20), value="0, 0", layer=source.layer,
                      count=int(zero.sum()))
    return raw[~zero]


def with_doors(table: gpd.GeoDataFrame, source: Facilities, runfile: RunFile, findings: Findings) -> gpd.GeoDataFrame:
    """Put the entrances of a file of their own in the place of outlines; without one a facility keeps its shape.

    Raises
    ------
    NoMatchError
        If no entrance belongs to a facility of this layer.
    """
    if not source.entrances:
        return table
    path = runfile.resolve(source.entrances)
    doors = clean(rename_columns(read_layer(path, crs=source.crs, findings=findings), {}, path), path, findings,
                  layer=source.layer)
    doors = in_place(doors, source.model_copy(update={"swapped": False}), path, findings, layer=source.layer)
    if "facility_id" not in doors.columns:
        raise MissingColumnError(path, f"no column facility_id; the columns are {first_of(doors.columns, 12)}",
                                 "entrances need the id of their facility")
    doors = to_crs(doors, str(table.crs), path)
    ids = as_text(doors["facility_id"])
    strange = ~ids.isin(table["facility_id"])
    if strange.all():
        raise NoMatchError(path, f"no entrance belongs to a facility of layer {source.layer}", "check facility_id")
    if strange.any():
        findings.add("warn", "entrance_strange", f"{int(strange.sum())} entrances name no facility of layer "
                     f"{source.layer}", file=path.name, id=first_of(doors.index[strange], 20), layer=source.layer,
                     value=first_of(ids[strange].unique()), count=int(strange.sum()), remedy="correct facility_id")
    points = {name: shapely.multipoints(shapely.point_on_surface(group.to_numpy()))
              for name, group in doors.geometry[~strange].groupby(ids[~strange])}
    shapes = [points.get(name, shape) for name, shape in zip(table["facility_id"], table.geometry, strict=True)]
    return table.set_geometry(gpd.GeoSeries(shapes, index=table.index, crs=table.crs))


def settle_setting(raw: gpd.GeoDataFrame, source: Facilities, where: Path, findings: Findings) -> pd.Series:
    """Give ``indoor``, ``outdoor`` or blank for every row; words that are not known are a warning, and blank."""
    given = text_column(raw, "setting").map(plain)
    settled = given.map(SETTING_WORDS).fillna("")
    unknown = (given != "") & (settled == "")
    if unknown.any():
        findings.add("warn", "setting_unknown", f"layer {source.layer}: column setting holds "
                     f"{first_of(given[unknown].unique(), 3)}; the area of these facilities may be of either setting",
                     file=where.name, id=first_of(raw.index[unknown], 20), layer=source.layer,
                     value=first_of(given[unknown].unique()), count=int(unknown.sum()),
                     remedy="write 室内 (indoor) or 室外 (outdoor)")
    return settled


def check_years(table: gpd.GeoDataFrame, where: Path, findings: Findings) -> gpd.GeoDataFrame:
    """Refuse opening years that no facility has.

    Raises
    ------
    BadValueError
        If one lies outside 1900 to 2100; the rows are named.
    """
    year = table["opens_year"]
    wrong = year.notna() & ~year.between(_FIRST_YEAR, _LAST_YEAR)
    if wrong.any():
        layer = str(table["layer"].iloc[0])
        findings.fail(BadValueError(where, f"column opens_year holds {first_of(year[wrong].map('{:g}'.format), 3)} in "
                                           f"row {first_of(table.index[wrong])}", "enter a year of four digits"),
                      "bad_year", id=first_of(table.index[wrong], 20), value=first_of(year[wrong].map("{:g}".format)),
                      layer=layer, count=int(wrong.sum()))
    return table.assign(opens_year=year.mask(wrong))


def report_doubts(table: gpd.GeoDataFrame, where: Path, data_date: str, findings: Findings) -> None:
    """Point at rows that cannot be right: entered twice, larger inside than outside, planned and long open."""
    layer = str(table["layer"].iloc[0]) if len(table) else ""
    spots = np.round(shapely.get_coordinates(shapely.centroid(table.geometry.to_numpy())) / _SAME_SPOT_M)
    same = pd.DataFrame({"x": spots[:, 0], "y": spots[:, 1], "name": table["name"]}, index=table.index)
    year = int(data_date[:4]) if data_date[:4].isdigit() else None
    state, opens = table["status"], table["opens_year"]
    early = (state == "planned") & (opens < year) if year else state == ""
    late = (state == "existing") & (opens > year) if year else state == ""
    for code, mask, what, remedy in (
            ("name_blank", (table["name"] == "") & (table["name"] != "").any(), "rows have no name", "give them one"),
            ("year_contradicts", early | late, "rows have a status that their opening year contradicts",
             "correct one of the two"),
            ("facility_twice", same.duplicated(keep=False) & (table["name"] != ""),
             "rows share name and position with another", "delete those that were entered twice"),
            ("area_larger", table["effective_area_m2"] > table["area_m2"],
             "rows have a larger effective area than area", "correct one of the two")):
        if mask.any():
            findings.add("note" if code == "name_blank" else "warn", code, f"layer {layer}: {int(mask.sum())} {what}",
                         file=where.name, layer=layer, id=first_of(table.index[mask], 20),
                         value=first_of(table["name"][mask]), count=int(mask.sum()), remedy=remedy)


def report_refused(table: gpd.GeoDataFrame, where: Path, accepts: tuple[str, ...], findings: Findings) -> None:
    """Say which rows of a source do not serve because the policy does not accept their level."""
    refused = ~table["level"].isin(accepts) if accepts else pd.Series(False, index=table.index)
    if refused.any():
        layer, levels = str(table["layer"].iloc[0]), table["level"][refused].unique()
        unreadable = any(not level.isascii() for level in levels)
        findings.add("warn" if unreadable or refused.all() else "note", "level_not_accepted",
                     f"layer {layer}: {int(refused.sum())} facilities of level {first_of(levels)} do not serve; the "
                     f"policy accepts {first_of(accepts)}", layer=layer, file=where.name,
                     id=first_of(table.index[refused], 20), value=first_of(levels), count=int(refused.sum()),
                     remedy="translate the words: levels = { … }, or change accepts")


def report_untranslated(table: gpd.GeoDataFrame, source: Facilities, where: Path, rule: LayerPolicy,
                        findings: Findings) -> None:
    """Note levels that serve because the policy accepts every one, though it names others: words left untranslated."""
    named = {item.level for item in rule.presence} | {level for item in rule.presence for level in item.exempt_if}
    known = (named | set(source.levels.values())) - {"all"}
    foreign = np.array([bool(source.levels) or not level.isascii() for level in table["level"]], dtype=bool)
    strange = ~table["level"].isin([*known, "all"]) & foreign
    if known and not rule.accepts and strange.any():
        levels = table["level"][strange].unique()
        findings.add("note", "level_unknown", f"layer {source.layer}: {int(strange.sum())} facilities of level "
                     f"{first_of(levels)} serve, for the policy accepts all; it names {first_of(sorted(known))}",
                     file=where.name, layer=source.layer, id=first_of(table.index[strange], 20), value=first_of(levels),
                     count=int(strange.sum()), remedy="translate them: levels = { … }, or say in accepts which serve")


def report_kindless(table: gpd.GeoDataFrame, where: Path, rule: LayerPolicy, findings: Findings) -> None:
    """Say which facilities are of no kind that the policy names, so that nobody is sent to them."""
    serves = table["level"].isin(rule.accepts) | (not rule.accepts)
    lost = serves & ~table["level"].isin([kind.level for kind in rule.kinds])
    if rule.kinds and lost.any():
        layer, levels = str(table["layer"].iloc[0]), table["level"][lost].unique()
        findings.add("warn", "level_without_kind", f"layer {layer}: {int(lost.sum())} facilities of level "
                     f"{first_of(levels)} are of no kind that the policy names; their area counts per head, and nobody "
                     "reaches it, for no distance is said", file=where.name, layer=layer,
                     id=first_of(table.index[lost], 20), value=first_of(levels), count=int(lost.sum()),
                     remedy="translate the words: levels = { … }, or add the level to [[policy.<layer>.kinds]]")


def report_absent(table: gpd.GeoDataFrame, policy: Policy, findings: Findings, where: Path) -> None:
    """Say which levels the policy asks for and no facility of the layer has."""
    for layer, rows in table.groupby("layer", sort=False):
        rule, counts = policy.layer(str(layer)), rows["level"].value_counts().sort_index()
        shown = ", ".join(f"{count} of level {level}" for level, count in counts.items())
        asked = {item.level for item in rule.presence} | set(rule.accepts)
        absent = sorted(asked - {"all"} - set(counts.index))
        if absent:
            findings.add("warn", "level_absent", f"layer {layer}: the policy asks for level {first_of(absent)} and no "
                         f"facility has it; there are {shown}", layer=str(layer), file=where.name,
                         value=first_of(absent), count=len(absent),
                         remedy="translate the words: levels = { … }, or change the policy")


def named_source(runfile: RunFile, source: Facilities) -> Any:
    """Give the path of a layer's file.

    Raises
    ------
    ConfigError
        If the layer names neither a file nor OSM.
    """
    if not source.file:
        raise ConfigError(runfile.path, f"layer {source.layer} names neither file nor osm",
                          'add file = "…" or osm = { tags = { … } }')
    return runfile.resolve(source.file)
