"""Judge the circle of all services: how many of them each resident has in time, and which one binds.

Counted are the layers that are judged by reach, each by its headline rules. All residents count, whatever group a layer
is for. A service that has no rule for somebody's class is not due to them: they need it neither to have all nor for k.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle.indicators.reach import Judged
from lifecircle.indicators.registry import COUNT, RATE, exact, family, indicator, share
from lifecircle.indicators.rows import rows, unit_sums
from lifecircle.traveltimes import TravelTimes

Array = npt.NDArray[Any]

#: The layer column of figures that are about all layers together.
ALL_LAYERS = "all"
#: Between the services of a place that bind equally.
TIE = ";"
_BASIS: dict[str, Any] = {"basis": "all residents"}


@indicator("residents", family="services", label_zh="常住人口", label_en="residents", unit="person", **_BASIS,
           holds=COUNT)
def residents(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the residents to whom any service is due."""
    return exact(sums["people"])


@indicator("people_with_k_services", family="services_k", label_zh="可及时到达k类服务的人口",
           label_en="people with k services in time", unit="person", **_BASIS, holds=COUNT)
def people_with_k_services(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the people with exactly k services in time; low counts those of whom it is sure, high who may have k."""
    return pd.DataFrame({"value": sums["k"], "low": sums["k_sure"], "high": sums["k_may"]})


@indicator("share_with_k_services", family="services_k", label_zh="可及时到达k类服务的人口比例",
           label_en="share of people with k services in time", unit="share", **_BASIS, holds=RATE,
           parts=("people_with_k_services", "residents"))
def share_with_k_services(sums: pd.DataFrame) -> pd.DataFrame:
    """Divide the people with exactly k services in time by all residents."""
    return people_with_k_services(sums).div(sums["people"].where(sums["people"] > 0), axis=0)


@indicator("people_with_all_services", family="services", label_zh="服务齐全人口", label_en="people with all services",
           unit="person", **_BASIS, holds=COUNT)
def people_with_all_services(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the people who have every service that is due to them in time; high counts the undetermined in."""
    return pd.DataFrame({"value": sums["all"], "low": sums["all"], "high": sums["all_may"]})


@indicator("share_with_all_services", family="services", label_zh="服务齐全人口比例",
           label_en="share of people with all services", unit="share", **_BASIS, holds=RATE,
           parts=("people_with_all_services", "residents"))
def share_with_all_services(sums: pd.DataFrame) -> pd.DataFrame:
    """Divide the people who have every service in time by all residents; high counts the undetermined in."""
    return share(sums["all"], sums["people"], more=sums["all_may"] - sums["all"])


@indicator("services_mean", family="services", label_zh="人均可及时到达的服务类数", label_en="mean services in time",
           unit="service", **_BASIS, holds=("nonnegative", "ordered", "scale_free", "null_without_people"))
def services_mean(sums: pd.DataFrame) -> pd.DataFrame:
    """Give how many services a resident has in time on the mean; high counts the undetermined in."""
    return share(sums["services"], sums["people"], more=sums["services_open"])


@indicator("people_lacking", family="lacking", label_zh="缺该服务的人口", label_en="people lacking the service",
           unit="person", **_BASIS, holds=COUNT)
def people_lacking(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the residents who do not have the service in time; low leaves the undetermined out."""
    return pd.DataFrame({"value": sums["lacking"], "low": sums["lacking_sure"], "high": sums["lacking"]})


@indicator("people_lacking_only_this", family="lacking", label_zh="仅缺该服务的人口",
           label_en="people lacking only this service", unit="person", **_BASIS, holds=COUNT)
def people_lacking_only_this(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the residents whom this service alone would give all; low is sure, high may be."""
    return pd.DataFrame({"value": sums["only"], "low": sums["only_sure"], "high": sums["only_may"]})


def circle_rows(times: TravelTimes, judged: Mapping[str, Judged], district: tuple[str, str], quality: Mapping[str, str],
                whole: str) -> list[pd.DataFrame]:
    """Lay out the circle of all services.

    Parameters
    ----------
    times : TravelTimes
    judged : mapping
        Layer -> its headline judgement.
    district : (code, name)
    quality : mapping
        Layer -> quality of its figures.
    whole : str
        Quality of the figures of all layers.

    Returns
    -------
    list of DataFrame
        Layer ``all`` per township, class and district: k = 0 … n in the column cutoff; those with all. Per layer, of
        the townships and the district: the people who lack it, and who lack nothing else.
    """
    if not judged:
        return []
    state = _states(judged)
    due = np.flatnonzero((state >= 0).any(0))
    state, demand = state[:, due], times.demand.iloc[due]
    frame, people = pd.DataFrame(demand[["township_code", "class"]]), demand["population"].to_numpy(dtype=float)
    has, open_ = (state == 0).sum(0), (state == 2).sum(0)
    complete = {"people": people, "services": has * people, "services_open": open_ * people,
                "all": people * ((state <= 0).all(0)), "all_may": people * ((state != 1).all(0))}
    steps = range(len(judged) + 1)
    for k in steps:
        complete |= {f"k{k}": people * (has == k), f"k_sure{k}": people * ((has == k) & (open_ == 0)),
                     f"k_may{k}": people * ((has <= k) & (k <= has + open_))}
    sums = unit_sums(frame.assign(**complete), list(complete), times.study.townships, district)
    modes = {item.mode for item in judged.values()}
    fixed = {"layer": ALL_LAYERS, "metric": "services", "headline": False, "quality": whole,
             "mode": modes.pop() if len(modes) == 1 else "mixed"}
    by_k = pd.concat([sums[["township_code", "township", "class", "people"]].assign(
        cutoff=float(k), **{name: sums[f"{name}{k}"] for name in ("k", "k_sure", "k_may")}) for k in steps],
        ignore_index=True)
    return [rows(sums, family("services"), **fixed),
            rows(by_k, family("services_k"), cutoff=by_k["cutoff"], **fixed),
            *_lacking_rows(times, judged, frame, state, people, district, quality)]


def _states(judged: Mapping[str, Judged]) -> Array:
    """Stack the states of the layers: (layers, points), -1 where the service is not due."""
    return np.stack([item.state for item in judged.values()])


def _lacking_rows(times: TravelTimes, judged: Mapping[str, Judged], frame: pd.DataFrame, state: Array, people: Array,
                  district: tuple[str, str], quality: Mapping[str, str]) -> list[pd.DataFrame]:
    late, lacking, parts = (state == 1).sum(0), (state > 0).sum(0), []
    names = ("lacking", "lacking_sure", "only", "only_sure", "only_may")
    for own, (layer, item) in zip(state, judged.items(), strict=True):
        lacks, out = own > 0, own == 1
        chosen = (lacks, out, lacks & (lacking == 1), out & (lacking == 1), lacks & (late == out))
        columns = {name: people * which for name, which in zip(names, chosen, strict=True)}
        sums = unit_sums(frame.assign(**columns), list(names), times.study.townships, district, classes=())
        parts.append(rows(sums, family("lacking"), layer=layer, mode=item.mode, metric="services", headline=False,
                          quality=quality[layer]))
    return parts


def with_services(places: gpd.GeoDataFrame, times: TravelTimes, judged: Mapping[str, Judged]) -> gpd.GeoDataFrame:
    """Add to the places what their residents have of all services.

    Returns
    -------
    GeoDataFrame
        With residents, services_due (how many there are), share_all, share_all_high, services_mean, binding_service
        (the layer that most residents lack, the undetermined among them; those that tie between ``;`` in the order of
        the run file; blank where nobody lacks any or nobody lives), and share_lacking_<layer>, the share (0 to 1) that
        lacks it.
        Shares are NaN where nobody lives.
    """
    if not judged:
        return places
    state = _states(judged)
    people = np.where((state >= 0).any(0), times.demand["population"].to_numpy(dtype=float), 0.0)
    columns = {"residents": people, "share_all": people * (state <= 0).all(0),
               "share_all_high": people * (state != 1).all(0), "services_mean": people * (state == 0).sum(0)}
    columns |= {f"share_lacking_{layer}": people * (own > 0) for layer, own in zip(judged, state, strict=True)}
    sums = pd.DataFrame(columns).groupby(times.demand["place_code"].to_numpy()).sum()
    sums = sums.reindex(places["place_code"]).fillna(0.0).set_axis(places.index)
    lacks = sums[[f"share_lacking_{layer}" for layer in judged]].set_axis(list(judged), axis=1)
    found = sums.drop(columns="residents").div(sums["residents"].where(sums["residents"] > 0), axis=0)
    due = pd.Series(len(judged), index=places.index)
    return places.assign(residents=sums["residents"], services_due=due, **found, binding_service=_binding(lacks))


def _binding(lacks: pd.DataFrame) -> pd.Series:
    """Name the layers that most people lack: all that tie to a millionth of a person, none where nobody lacks any."""
    most = lacks.max(axis=1)
    binds = lacks.ge(most - 1e-6, axis=0) & lacks.gt(1e-6)
    names = lacks.columns.to_numpy()
    return pd.Series([TIE.join(names[row]) for row in binds.to_numpy()], index=lacks.index, dtype="str")
