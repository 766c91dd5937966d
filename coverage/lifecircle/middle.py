"""Find the demand point that speaks for a place: the one nearest to the middle of its people."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd


def middle_points(demand: gpd.GeoDataFrame, xy_m: npt.NDArray[Any]) -> pd.DataFrame:
    """Find, per place, the demand point nearest to its population-weighted centre; of equals the first.

    Parameters
    ----------
    demand : GeoDataFrame
        With place_code, township_code, class and population.
    xy_m : (n, 2) array of float
        Positions of its rows in the study CRS.

    Returns
    -------
    DataFrame
        place_code, township_code, class, row (label in the demand table); places without people are left out.
    """
    frame = pd.DataFrame({"place_code": demand["place_code"], "x": xy_m[:, 0], "y": xy_m[:, 1],
                          "weight": demand["population"].to_numpy(dtype=float)})
    frame = frame[frame["weight"] > 0]
    weighted = frame.assign(x=frame["x"] * frame["weight"], y=frame["y"] * frame["weight"])
    centre = weighted.groupby("place_code")[["x", "y", "weight"]].sum()
    here = centre.loc[frame["place_code"]]
    off = np.hypot(frame["x"].to_numpy() - here["x"].to_numpy() / here["weight"].to_numpy(),
                   frame["y"].to_numpy() - here["y"].to_numpy() / here["weight"].to_numpy())
    best = frame.assign(off=off, row=frame.index).sort_values(["place_code", "off", "row"], kind="stable")
    chosen = best.drop_duplicates("place_code")["row"].to_numpy()
    return demand.loc[chosen, ["place_code", "township_code", "class"]].assign(row=chosen).reset_index(drop=True)
