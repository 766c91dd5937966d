"""The documents say what the code does: keys and defaults of the settings, links, pictures, commands."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lifecircle import plan, policy, runfile, sources, tiles
from lifecircle.cli import app
from lifecircle.inputs import edits

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
#: Heading in docs/runfile.md -> the model it describes.
SECTIONS: dict[str, type[BaseModel]] = {
    "`[district]`": runfile.District, "`[boundaries]`": runfile.Boundaries, "`[people]`": runfile.People,
    "`[people.scenarios.<name>]`": runfile.Scenario, "`classes = { … }`": runfile.Classes,
    "`[barriers]`": runfile.Barriers, "`[roads]`": runfile.Roads, "`[[facilities]]`": runfile.Facilities,
    "`[policy]`": runfile.PolicySection, "`[plan]`": runfile.PlanSection, "`[surface]`": runfile.Surface,
    "`[map]`": tiles.MapSection,
    "`[priority]`": runfile.PriorityPeople,
    "`[uncertainty]`": runfile.Uncertainty, "`osm = { … }`": sources.OsmSource, "`local = { … }`": runfile.LocalRoads,
    "Top level": policy.Policy,
    "`[policy.<layer>]`": policy.LayerPolicy, "`[policy.<layer>.urban]`, `[policy.<layer>.rural]`": policy.ClassRule,
    "`[policy.<layer>.supply]`": policy.Supply, "`[[policy.<layer>.kinds]]`": policy.AreaKind,
    "`[circles]`": runfile.Circles, "Plan: top level": plan.Plan, "`[score]`": plan.Score, "`[[item]]`": plan.Item,
    "`[[item.measure]]`": plan.Measure,
    "`[[policy.<layer>.presence]]`": policy.Presence, "`[modes.<mode>]`": policy.ModeOverride,
}


#: Heading in docs/scenario.md -> the model it describes.
EDITS: dict[str, type[BaseModel]] = {"Top level": edits.ScenarioFile, **{f"`[[{kind}]]`": model for kind, model
                                                                         in edits.KINDS.items()}}


def section(heading: str, page: str = "runfile.md") -> str:
    """Give the text below a heading of a page of docs."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.split(r"(?m)^#{2,3} ", text.split(f"\n### {heading}\n", 1)[1])[0]


def default_text(field: FieldInfo) -> str:
    """Write a default as TOML does; nothing for a key that must be given, a dash for one that is not set."""
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True)
    return "–" if value is None else f"`{toml(value)}`"


def toml(value: Any) -> str:
    if isinstance(value, BaseModel):
        return "{ " + ", ".join(f"{key} = {toml(getattr(value, key))}" for key in sorted(value.model_fields_set)) + " }"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }" if value else "{}"
    return json.dumps(value)


@pytest.mark.parametrize(("page", "heading"), [*(("runfile.md", name) for name in SECTIONS),
                                               *(("scenario.md", name) for name in EDITS)])
def test_settings_are_documented_with_their_defaults(page: str, heading: str) -> None:
    rows = re.findall(r"(?m)^\| `(\w+)` \| ([^|]*?) ?\| ([^|]*?) ?\| ?([^|]*?) ?\|$", section(heading, page))
    documented = {key: default for key, default, _, _ in rows}
    fields = (SECTIONS if page == "runfile.md" else EDITS)[heading].model_fields
    assert documented == {field.alias or name: default_text(field) for name, field in fields.items()}
    assert all(unit for _, _, unit, _ in rows)


def test_every_table_of_the_run_file_is_documented() -> None:
    documented = {name.strip("`[]") for name, model in SECTIONS.items() if name.startswith("`[") and "<" not in name
                  and model not in (plan.Score, plan.Item, plan.Measure)}
    assert documented == {name for name, field in runfile.RunFile.model_fields.items() if not field.exclude}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_pictures_are_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    assert [target for target in targets if target and not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_are_those_there_are(path: Path) -> None:
    verbs = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    named = re.findall(r"(?m)(?:^\s*\$?\s*|`|bin/)lifecircle ([a-z]+)", path.read_text(encoding="utf-8"))
    assert set(named) <= verbs


def codes_of_findings() -> tuple[set[str], str]:
    """Give the codes that the library names where it reports something, and all of its text."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "coverage" / "lifecircle").rglob("*.py")]
    calls = [node for text in sources for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)
             and isinstance(node.func, ast.Attribute) and node.func.attr in {"add", "fail", "attempt"}]
    named = [call.args[1].value for call in calls if len(call.args) > 1 and isinstance(call.args[1], ast.Constant)]
    return {code for code in named if isinstance(code, str)}, "\n".join(sources)


def test_every_code_of_a_finding_is_explained_and_every_one_explained_is_there() -> None:
    page = (ROOT / "docs" / "quality.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| (`[^|]+) \| ([^|]+) \| ([^|]+) \|", page)
    documented = {code for cells, _, _ in rows for code in re.findall(r"`(\w+)`", cells)}
    named, text = codes_of_findings()
    assert len(named) > 60
    assert named - documented == set()
    made = {code for code in documented if f'"{code}"' not in text}
    assert {code.split("_")[0] for code in made} <= {"number", "class"}  # put together: number_about, class_assumed
    assert all(f'f"{code.split("_")[0]}_{{' in text for code in made)
    assert {word for _, severities, _ in rows for word in severities.split(", ")} == {"stop", "warn", "note"}


def test_readme_shows_every_verb() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    verbs = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert {verb for verb in verbs if f"`lifecircle {verb}" not in text} == set()


def test_readme_run_file_is_valid(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 1
    (tmp_path / "country.toml").write_text(blocks[0], encoding="utf-8")
    read = runfile.read_runfile(tmp_path / "country.toml")
    assert read.layers
    assert set(read.read_policy().policy) <= set(read.layers)


def test_changelog_tells_why_each_dependency_is_there() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    names = [re.split(r"[\[><=]", line)[0] for line in project["project"]["dependencies"]]
    assert [name for name in names if not re.search(rf"\*\*{name}(\[\w+\])?\*\*", changelog)] == []
