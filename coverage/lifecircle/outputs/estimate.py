"""Give the people of groups as the published figures let them be estimated, for answers to whoever asks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from lifecircle.assessment import Assessment
from lifecircle.study import Study
from lifecircle.tables import CLASSES


def with_estimated_groups(study: Study, published: Assessment) -> Study:
    """Give the study with every group of its demand points spread as the residents are.

    Each point has its residents times the share of the group in its township and class, as the results publish it;
    where that is hidden the share of the township, else of the district, else nobody.

    Whoever may choose where a facility stands and where the cutoff lies can ask for the people of any area, and by two
    questions for those of any point. No rounding and no hidden cell keeps such counts safe for long, as enough
    questions average them out. What is made of published figures alone tells nothing that they do not.

    Parameters
    ----------
    study : Study
    published : Assessment
        Its run, as it may be shown.
    """
    demand, code = study.demand, published.run["district"]["code"]
    residents, columns = demand["population"].to_numpy(dtype=float), {}
    told = published.results
    told = told[(told["indicator"] == "people") & told["headline"] & (told["scenario"] == "existing")
                & (told["level"] == "all")]
    for column in [name for name in demand.columns if name.startswith("population_") and ":" not in name]:
        own = told[told["group"] == column.removeprefix("population_")]
        own = own.drop_duplicates(["township_code", "class"])
        people = own.set_index(["township_code", "class"])["value"].to_dict()
        columns[column] = residents * _shares(demand, people, code)
    return replace(study, demand=demand.assign(**columns))


def _shares(demand: pd.DataFrame, people: dict[tuple[str, str], float], district: str) -> np.ndarray:
    """Give each point the share of the group among the residents of the smallest unit that tells it."""
    inside = demand[demand["inside"]]
    residents = {(town, kind): float(total) for (town, kind), total in
                 inside.groupby(["township_code", "class"])["population"].sum().items()}
    for (town, kind), total in list(residents.items()):
        for unit in ((town, "all"), (district, kind), (district, "all")):
            residents[unit] = residents.get(unit, 0.0) + total

    def share(town: str, kind: str) -> float:
        for unit in ((town, kind), (town, "all"), (district, "all")):
            known = people.get(unit, np.nan)
            if np.isfinite(known) and residents.get(unit, 0.0) > 0:
                return float(known) / residents[unit]
        return 0.0

    units = {(town, kind): share(town, kind) for town in demand["township_code"].unique() for kind in CLASSES}
    return np.array([units[unit] for unit in zip(demand["township_code"], demand["class"], strict=True)])
