"""Say what may be asked together, before anything is read."""

from __future__ import annotations

from collections.abc import Mapping

from lifecircle.errors import UsageError

MODELS: tuple[str, ...] = ("mclp", "lscp", "p-median", "p-center")
#: Models whose answer can be drawn again: who is in time is all that counts.
DRAWN: tuple[str, ...] = ("mclp", "lscp")


def check_question(*, new: int | None, model: str, budget: float | None, share: float,
                   years: Mapping[int, float] | Mapping[str, float] | None, links: object, others: int, draws: int,
                   ) -> None:
    """Make sure that what is asked for goes together, before anything is read; parameters as for `site`.

    Raises
    ------
    UsageError
    """
    if bool(years) + (links is not None) + (model != "mclp") > 1 or (years and (new is not None or budget is not None)):
        raise UsageError("a programme of years stays within its own budgets, and roads are weighed by mclp: give one "
                         "of years, links and another model, and with years neither a number nor a budget")
    if others and (model != "mclp" or years or links is not None):
        raise UsageError("other choices are listed for mclp alone, without years or links; leave others out")
    if share != 1.0 and model != "lscp":
        raise UsageError(f"a share is what lscp is to reach, not {model}; leave it out, or take lscp")
    if draws and model not in DRAWN:
        raise UsageError(f"draws say how firm sites of {' and '.join(DRAWN)} are, not of {model}; leave them out")
    if not years and links is None:
        check_limits(model, new, budget)


def check_limits(model: str, new: int | None, budget: float | None) -> None:
    """Make sure that a model is known and that something limits the number of sites, or its own share does.

    Raises
    ------
    UsageError
    """
    if model not in MODELS:
        raise UsageError(f"no model {model}; there are {', '.join(MODELS)}")
    if model != "lscp" and new is None and budget is None:
        raise UsageError(f"{model} needs the number of new sites or a budget")
    if model == "lscp" and new is not None:
        raise UsageError("lscp finds the number of sites itself; leave it out, or take mclp")
