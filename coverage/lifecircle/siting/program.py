"""Build a sparse mixed-integer program column by column and row by row, and have HiGHS solve it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array

from lifecircle.errors import LifecircleError
from lifecircle.siting.problem import Effort

Array = npt.NDArray[Any]
#: How far a solution may leave a row or a whole number; HiGHS's own 1e-6 lets a person in a million through.
_TOLERANCE = 1e-9
#: What `highspy.Highs` extends; that one prints its name on standard output before it can be told to keep quiet.
Quiet: Any = highspy.Highs.__base__
_SENSELESS = ("kUnbounded", "kLoadError", "kModelError", "kPresolveError", "kSolveError", "kPostsolveError",
              "kMemoryLimit")


@dataclass(frozen=True)
class Solved:
    """What the solver found.

    Attributes
    ----------
    infeasible : bool
        Proven: nothing keeps all rows.
    values : (columns,) float64 or None
        The best solution, None where none was found.
    objective, bound : float
        Of the minimum; infinite and minus infinity where unknown.
    """

    infeasible: bool
    values: Array | None
    objective: float
    bound: float


class Program:
    """A minimum over columns, subject to rows; `offset` is part of the objective whatever is chosen."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset
        self._lower: list[Array] = []
        self._upper: list[Array] = []
        self._cost: list[Array] = []
        self._whole: list[Array] = []
        self._row_lower: list[Array] = []
        self._row_upper: list[Array] = []
        self._row: list[Array] = []
        self._column: list[Array] = []
        self._value: list[Array] = []
        self.columns_count = 0
        self.rows_count = 0

    def columns(self, count: int, *, cost: npt.ArrayLike = 0.0, lower: npt.ArrayLike = 0.0,
                upper: npt.ArrayLike = 1.0, whole: bool = False) -> Array:
        """Add columns and give their numbers."""
        for kept, given in ((self._lower, lower), (self._upper, upper), (self._cost, cost), (self._whole, whole)):
            kept.append(np.broadcast_to(np.asarray(given, dtype=np.float64), count))
        self.columns_count += count
        return np.arange(self.columns_count - count, self.columns_count)

    def rows(self, count: int, entries: tuple[npt.ArrayLike, Array, npt.ArrayLike], *,
             lower: npt.ArrayLike = -np.inf, upper: npt.ArrayLike = np.inf) -> Array:
        """Add rows: `entries` are row (from 0 within these rows), column and value of what is not zero."""
        row, column, value = np.broadcast_arrays(*entries)
        self._row.append(row.astype(np.int64) + self.rows_count)
        self._column.append(column)
        self._value.append(value.astype(np.float64))
        for kept, given in ((self._row_lower, lower), (self._row_upper, upper)):
            kept.append(np.broadcast_to(np.asarray(given, dtype=np.float64), count))
        self.rows_count += count
        return np.arange(self.rows_count - count, self.rows_count)

    def solve(self, effort: Effort, start: tuple[Array, Array] | None = None) -> Solved:
        """Solve within the effort.

        Parameters
        ----------
        effort : Effort
        start : tuple of (·,) int64 and (·,) float64, optional
            Some columns and their values in a solution to begin with; the solver fills in the others.

        Raises
        ------
        LifecircleError
            If the solver fails, which says nothing about the problem.
        """
        if not self.columns_count:
            broken = bool((_joined(self._row_lower) > 0).any() or (_joined(self._row_upper) < 0).any())
            return Solved(broken, None if broken else np.empty(0), np.inf if broken else self.offset, self.offset)
        solver = Quiet()
        for name, value in (("output_flag", False), ("parallel", "off"), ("time_limit", max(effort.seconds, 0.0)),
                            ("mip_rel_gap", effort.gap), ("random_seed", effort.seed),
                            ("mip_feasibility_tolerance", _TOLERANCE), ("primal_feasibility_tolerance", _TOLERANCE)):
            solver.setOptionValue(name, value)
        whole = _joined(self._whole).astype(bool)
        solver.passModel(self._model(whole))
        if start is not None:
            solver.setSolution(len(start[0]), start[0].astype(np.int32), start[1])
        solver.run()
        status, info = solver.getModelStatus(), solver.getInfo()
        if status.name in _SENSELESS:
            raise LifecircleError(f"HiGHS: {solver.modelStatusToString(status)}; please report this with the problem")
        found = info.primal_solution_status == 2
        objective = float(info.objective_function_value) if found else np.inf
        proven = status == highspy.HighsModelStatus.kOptimal
        bound = float(info.mip_dual_bound) if whole.any() else objective if proven else -np.inf
        return Solved(status.name in ("kInfeasible", "kUnboundedOrInfeasible"),
                      np.asarray(solver.getSolution().col_value) if found else None, objective, bound)

    def _model(self, whole: Array) -> highspy.HighsLp:
        matrix = coo_array((_joined(self._value), (_joined(self._row), _joined(self._column))),
                           shape=(self.rows_count, self.columns_count)).tocsc()
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = self.columns_count, self.rows_count
        model.offset_ = self.offset
        model.col_cost_, model.col_lower_, model.col_upper_ = map(_joined, (self._cost, self._lower, self._upper))
        model.row_lower_, model.row_upper_ = _joined(self._row_lower), _joined(self._row_upper)
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
        model.a_matrix_.value_ = matrix.data
        if whole.any():
            kinds = np.array([highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger], dtype=object)
            model.integrality_ = list(kinds[whole.astype(np.int64)])
        return model


def _joined(parts: list[Array]) -> Array:
    return np.concatenate(parts) if parts else np.empty(0)
