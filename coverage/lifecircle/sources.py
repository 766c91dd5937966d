"""Say where a table or layer of a run file comes from: a file, or features of an OSM extract."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from lifecircle.policy import Section

Quality = Literal["surveyed", "register", "osm", "derived", "model"]
Datum = Literal["wgs84", "cgcs2000", "gcj02", "bd09", "auto"]
TagFilter = dict[str, list[str] | str | bool]


class OsmSource(Section):
    """Features of an OSM extract: a file (the roads' extract by default) and what to take from it."""

    file: str | None = None
    admin_level: int | None = Field(default=None, ge=1, le=12)
    tags: TagFilter = {}
    name: str | None = None

    @field_validator("admin_level", mode="before")
    @classmethod
    def _level(cls, value: Any) -> Any:
        return int(value) if isinstance(value, str) and value.isdigit() else value


class FileSource(Section):
    """A table or layer on disk, or features of an OSM extract.

    Attributes
    ----------
    columns : dict
        Our column -> the file's column.
    sheet : str or None
        Sheet of a book of Excel; needed where several hold cells.
    datum : str or None
        Datum of the coordinates; None where the run file does not say it: as their heads do, else WGS 84.
    crs : str or None
        CRS to assume where the file names none, or degrees that its numbers cannot be.
    swapped : bool
        Whether the latitude, or the northing, stands first.
    """

    file: str | None = None
    osm: OsmSource | bool | None = None
    columns: dict[str, str] = {}
    encoding: str | None = None
    sheet: str | None = None
    datum: Datum | None = None
    crs: str | None = None
    swapped: bool = False
    source: str = ""
    quality: Quality | None = None

    @model_validator(mode="after")
    def _one(self) -> FileSource:
        if self.file and self.osm:
            raise ValueError("give file or osm, not both")
        return self
