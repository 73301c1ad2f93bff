"""The settings of data: where examples come from and how columns and images are read."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from retread.project.settings.section import Section, Zone


class ColumnType(StrEnum):
    """What the values of a column are."""

    NUMBER = "number"
    CATEGORY = "category"
    BOOLEAN = "boolean"
    TIME = "time"
    IGNORE = "ignore"


TIME_UNITS = ("s", "ms", "us", "ns")
"""What numbers may count that are times."""


class ColumnSection(Section):
    """How one column of a table is read. A text instead of a table is its `type`."""

    type: ColumnType | None = None
    """`number`, `category`, `boolean`, `time`, or `ignore` to leave the column out. Not given:
    decided from the values."""
    decimal: str = Field(default="", pattern=r"^[.,]?$")
    """Decimal separator of numbers. Empty: found out."""
    thousands: str = Field(default="", pattern=r"^[., '\u00a0]?$")
    """Separator of thousands. Empty: none, or found out if `decimal` is empty too."""
    missing: tuple[str, ...] | None = None
    """Texts that stand for a missing value, such as `["?", "-"]`. Empty cells always do. Not
    given: NA, N/A, NaN, null and the like."""
    format: str = ""
    """How times are written, such as `%d/%m/%Y %H:%M`. Empty: found out."""
    unit: str = Field(default="", pattern=r"^$|^[^\d\s.,+\-](.*\S)?$")
    """What numbers carry before or after them, such as `%`, `$` or `kg`: the numbers are read
    without it, in data and in requests. Of times that are numbers: what they count from 1970 in,
    `s`, `ms`, `us` or `ns`. Empty: nothing, and found out for times."""
    zone: Zone = ""
    """Zone of times that name none, such as `Europe/Berlin`. Empty: UTC."""

    @model_validator(mode="before")
    @classmethod
    def _accept_type(cls, value: object) -> object:
        if isinstance(value, str):
            return {"type": value}
        if isinstance(value, dict) and isinstance(value.get("missing"), list):
            # What a validator returns is no longer JSON, where a list would do for a tuple.
            return {**value, "missing": tuple(value["missing"])}
        return value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [{"enum": [*ColumnType]}, handler(schema)]}


class Unreadable(StrEnum):
    """What becomes of a version with cells that cannot be read."""

    QUARANTINE = "quarantine"
    MISSING = "missing"
    REFUSE = "refuse"


class CheckAction(StrEnum):
    """What a finding of a check of a dataset version leads to."""

    TELL = "tell"
    QUARANTINE = "quarantine"
    REFUSE = "refuse"


class DataSection(Section):
    """Where examples come from and how they are split."""

    dataset: str = "data"
    """Dataset to train on by default."""
    source: str = ""
    """Folder or file to read new data from. Empty: there is none."""
    labels: str = "folder"
    """Where the labels are: `folder` (one folder per class), a label file (.json, .jsonl, .csv,
    .tsv, .txt or .xml) or a folder of them, or the name of the label or target column."""
    group: str = ""
    """Column or manifest field whose values keep related examples in the same split. Empty: group
    near-duplicates."""
    timestamp: str = ""
    """Column with the time of each row. Empty: rows have no time."""
    features: tuple[str, ...] = ()
    """Feature columns of a table. Empty: all columns except label, group and timestamp."""
    exclude: tuple[str, ...] = ()
    """Columns that must not be used as features."""
    columns: dict[str, ColumnSection] = Field(default_factory=dict)
    """How columns of a table are read, by name: a type, or a table with `type`, `decimal`,
    `thousands`, `missing`, `format`, `unit` and `zone`. Other columns are decided from their
    values."""
    unreadable: Unreadable = Unreadable.QUARANTINE
    """What to do about cells that are not what the rest of their column is: `quarantine` the
    version, count them as `missing`, or `refuse` the file."""
    encoding: str = ""
    """Encoding of text files. Empty: found out."""
    delimiter: str = Field(default="", max_length=1)
    """What separates the cells of text files. Empty: found out."""
    sheet: str = ""
    """Sheet of an Excel file. Empty: the first one."""
    split: str = ""
    """How rows are assigned to splits: `time` (evaluation the newest rows, validation before it),
    `random`, `group` (as `group` says), `folder` (train, valid and test folders above the class
    folders), or the name of a column with the words train, validation and test. Empty: chosen by
    the data, `time` where `timestamp` is set; `retread data add` says what was chosen."""
    window_days: float = Field(default=0.0, ge=0)
    """Train only on the rows of this many days up to the newest row that is not in the future.
    0: all rows."""
    validation_share: float = Field(default=0.15, gt=0, lt=0.5)
    """Share of rows or groups in the validation split, which is used for early stopping and model
    selection."""
    evaluation_share: float = Field(default=0.20, gt=0, lt=0.5)
    """Share of rows or groups in the evaluation split, which is frozen and only read by the
    gate."""
    max_label_share: float = Field(default=0.98, gt=0.5, lt=1)
    """Largest share of examples that may have the same label. Above it, a dataset version is
    quarantined."""
    max_relabelled_share: float = Field(default=0.05, ge=0, le=1)
    """Largest share of existing rows whose label may be another one in the next version. Above it,
    the version is quarantined."""
    checks: dict[str, CheckAction] = Field(default_factory=dict)
    """What happens when a check of a dataset version finds something, by name of the check:
    `tell`, `quarantine` or `refuse` (add no version)."""
    follow_links: bool = False
    """Follow links in an image folder, also those that lead out of it; the version holds the bytes
    of their targets."""
    max_unreadable_share: float = Field(default=0.02, ge=0, lt=1)
    """Largest share of images that may be unreadable: they are left out and named. Above it, a
    dataset version is quarantined."""
    image_depth: int = Field(default=16, ge=8, le=16)
    """Number of bits that greyscale images with 16 bits use: 10 or 12 for many industrial cameras.
    Training and serving read the upper 8 of them."""
    image_background: str = Field(default="#ffffff", pattern=r"^#[0-9a-fA-F]{6}$")
    """Colour on which transparent images are laid, in training and serving, as #rrggbb."""
    extra_sources: tuple[str, ...] = ()
    """Data sources of your own, each named as package.module:Class."""
