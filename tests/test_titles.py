"""Every code of a finding has a title that a planner can read, in both languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import lifecircle
from lifecircle.inputs.titles import title, titles
from lifecircle.verification import CODES

SOURCE = Path(lifecircle.__file__).parent
CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")
#: Method of `Findings` -> the place of the code among its arguments.
CALLS = {"add": 1, "fail": 1, "attempt": 1}


def codes_of(tree: ast.Module) -> Iterator[str]:
    """Give the codes that a module's findings bear; * stands for a part that is put in."""
    for call in ast.walk(tree):
        if (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in CALLS
                and ast.unparse(call.func.value).split(".")[-1] == "findings" and len(call.args) > 1):
            yield from _values(call.args[CALLS[call.func.attr]], tree)
        elif isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "_fail":
            yield from _values(next(part for part in call.args if isinstance(part, ast.Constant)), tree)


def _values(node: ast.expr, tree: ast.Module) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "*" for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from (*_values(node.body, tree), *_values(node.orelse, tree))
    elif isinstance(node, ast.Name):
        yield from _listed(node.id, tree)
    else:
        raise AssertionError(f"a code that this test cannot read: {ast.unparse(node)}")


def _listed(name: str, tree: ast.Module) -> Iterator[str]:
    """Give what a loop variable takes: what stands in its place in the module's tuples of the same length."""
    targets = [(at, len(row.elts)) for row in ast.walk(tree)
               if isinstance(row, ast.Tuple) and isinstance(row.ctx, ast.Store)
               for at, item in enumerate(row.elts) if isinstance(item, ast.Name) and item.id == name]
    assert targets, f"nothing gives {name} its values"
    for row in ast.walk(tree):
        if isinstance(row, ast.Tuple) and isinstance(row.ctx, ast.Load):
            cells = [row.elts[at] for at, length in targets if len(row.elts) == length]
            yield from (cell.value for cell in cells if isinstance(cell, ast.Constant) and isinstance(cell.value, str)
                        and CODE.fullmatch(cell.value))


def used() -> set[str]:
    found = set(CODES)
    for path in SOURCE.rglob("*.py"):
        found |= set(codes_of(ast.parse(path.read_text(encoding="utf-8"))))
    return found - {"township_code"}  # a column, in tuples of the same length as some of codes


def test_the_codes_are_found_wherever_they_stand() -> None:
    """A constant, a choice, a loop over tuples, a table of the module, a text that is put together, an error kept."""
    assert {"policy_unused", "facility_twice", "township_by_code", "number_*", "class_*", "bad_number", "roads_closed",
            "facility_on_island", "roads_unreadable", "verify_differs", "total_row"} <= used()
    assert len(used()) > 75


def test_every_code_has_a_title_in_both_languages_and_none_is_idle() -> None:
    known = titles()
    patterns = {code: re.compile(re.escape(code).replace(r"\*", "[a-z0-9]+")) for code in used()}
    missing = sorted(code for code, pattern in patterns.items() if not any(map(pattern.fullmatch, known)))
    idle = sorted(code for code in known if not any(pattern.fullmatch(code) for pattern in patterns.values()))
    assert (missing, idle) == ([], [])


@pytest.mark.parametrize("language", ["zh", "en"])
def test_titles_are_short_and_in_their_language(language: str) -> None:
    for code, words in titles().items():
        text = words[language]
        chinese = re.search("[\u4e00-\u9fff]", text) is not None
        assert chinese == (language == "zh"), code
        assert 2 <= len(text) <= (16 if chinese else 60), code


def test_a_code_without_a_title_stands_for_itself() -> None:
    assert title("facility_twice", "zh") == "同一设施登记两次"
    assert title("facility_twice", "en") == "facility entered twice"
    assert title("facility_twice", "fr") == "facility entered twice"
    assert title("never_heard_of", "zh") == "never_heard_of"
