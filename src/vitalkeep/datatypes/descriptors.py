"""The vocabulary in which a data type is described; `catalog` fills it in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

JsonObject: TypeAlias = dict[str, object]
Shape: TypeAlias = Literal["instant", "interval", "series", "stages"]
Kind: TypeAlias = Literal["integer", "number", "choice", "text", "time", "list", "object"]
Quantity: TypeAlias = Literal["mass", "length", "temperature", "glucose", "pressure"]
DaySummary: TypeAlias = Literal["total", "sleep", "pulse", "spread"]


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """A named enumeration; a value's position is its integer in Health Connect, 0 is unknown.

    Source: androidx.health.connect.client.records, constants of each record class.
    """

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Alternative:
    """The same quantity under another field name and unit; a record carries one of the two."""

    name: str
    unit: str
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One member of a record. `unit` is UCUM; `low` and `high` are inclusive.

    For text `low` and `high` bound the characters, for lists the entries. `health_connect` is the
    path of the same thing in a Health Connect record; `quantity` says that it carries its unit
    there. `model` names the published schema of an object or of a list's entries.
    """

    name: str
    kind: Kind
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    required: bool = True
    choices: Choices | None = None
    multiline: bool = False
    parts: tuple["Field", ...] = ()
    model: str | None = None
    alternative: Alternative | None = None
    quantity: Quantity | None = None
    health_connect: str | None = None
    loinc: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class HealthConnect:
    """The type in Health Connect. `record_type` is the class name without its `Record`.

    `example` is one record as a phone's readRecords or insertRecords has it.
    Source: androidx.health.connect.client.records; react-native-health-connect, src/types.
    """

    record_type: str
    record_class: str
    permission: str
    example: Mapping[str, object]


@dataclass(frozen=True, slots=True, eq=False)
class GoogleFit:
    """The type in the Fitness REST API; `values` names a data point's values in their order.

    Source: Fitness API v1 discovery document; developers.google.com/fit/datatypes.
    """

    data_type: str
    read_scope: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class GoogleHealth:
    """The type in the Google Health API v4; `value` is the JSON path, `unit` is UCUM.

    Source: google.devicesandservices.health.v4, discovery revision 20261030.
    """

    data_type: str
    read_scope: str
    value: str
    unit: str | None


@dataclass(frozen=True, slots=True, eq=False)
class HealthKitChoice:
    """A field that HealthKit keeps as a number under a metadata key; other numbers are unknown."""

    field: str
    key: str
    names: Mapping[int, str]


@dataclass(frozen=True, slots=True, eq=False)
class HealthKit:
    """The type in HealthKit; `unit` is the UCUM unit its samples usually come in, 1 for fractions.

    `parts` are the identifiers joined by a correlation, in the order of the type's fields. `values`
    are a category's, by number and by lower-case name, None for one that is no stage: in bed.
    `example` is one sample as a bridge hands it over.
    Source: HealthKit, HKQuantityTypeIdentifier, HKCategoryValueSleepAnalysis and metadata keys.
    """

    identifier: str
    unit: str | None
    example: Mapping[str, object]
    parts: tuple[str, ...] = ()
    choices: tuple[HealthKitChoice, ...] = ()
    values: Mapping[int | str, str | None] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FhirCode:
    """The LOINC code of records whose `field` has one of the `values`; None where LOINC has none.

    It takes the place of the type's own, of which it is a more exact form or no form at all.
    """

    field: str
    values: tuple[str, ...]
    loinc: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Fhir:
    """How the type is written as a FHIR R4 Observation; `also` are further LOINC codes by meaning.

    A field with a LOINC code of its own is a component, one with a unit and no code is the value.
    `ucum` is the unit of a value that is in no field. `with_code` are codes that a profile demands
    beside `loinc`, `codes` those that replace it. `site` is the field that tells the body site,
    `notes` those that are text for people; what is left becomes components of our own system.
    Source: HL7 FHIR vital-signs profiles; HL7 Personal Health Records IG 1.0.0-ballot2, PGHD code
    mapping; JP Core 1.2.0 for `jp_profile` and `jp_code`; LOINC for `codes`.
    """

    loinc: str
    ucum: str
    category: str
    profile: str | None = None
    also: tuple[tuple[str, str], ...] = ()
    with_code: tuple[str, ...] = ()
    codes: tuple[FhirCode, ...] = ()
    site: str | None = None
    notes: tuple[str, ...] = ()
    jp_profile: str | None = None
    jp_code: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class OpenMHealthMember:
    """A member of a data point's body that tells one of our fields.

    `unit` is Open mHealth's word for the unit in which the field is stored; `bare` says that older
    versions of the schema have the number alone. `words` pairs theirs with ours, the one to write
    before its synonyms. Words beyond them are `unknown`, but tell nothing where they are `partial`.
    `wider` pairs ours that they have no word for with ours of a wider meaning that they have.
    """

    field: str
    member: str
    unit: str | None = None
    bare: bool = False
    words: tuple[tuple[str, str], ...] = ()
    partial: bool = False
    wider: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class OpenMHealth:
    """The type as data points of Open mHealth (`omh`) and IEEE 1752.1 (`ieee`).

    `schema` is the one to write, as namespace:name:version, `staged_schema` the one for a record
    with stages. `reads` are those that are understood, as namespace:name:major version. The first
    of `members` that tells a field is the one to write; others are names of older versions.
    Source: openmhealth/schemas; IEEE Std 1752.1-2021, its schemas.
    """

    schema: str
    reads: tuple[str, ...]
    members: tuple[OpenMHealthMember, ...]
    example: Mapping[str, object]
    staged_schema: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class DataType:
    """A type of health data: what a record of it holds and what others call it.

    `number` is stored and never reused. None means that no source confirms a counterpart.
    `example` is one canonical record as a client sends it.
    """

    name: str
    number: int
    title: str
    shape: Shape
    summary: DaySummary
    fields: tuple[Field, ...]
    health_connect: HealthConnect
    google_fit: GoogleFit | None
    google_health: GoogleHealth | None
    healthkit: HealthKit
    fhir: Fhir
    open_mhealth: OpenMHealth | None
    example: Mapping[str, object]

    @property
    def model(self) -> str:
        """The name of its published schema, as `StepsRecord`."""
        return "".join(part.title() for part in self.name.split("_")) + "Record"
