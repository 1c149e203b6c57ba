"""A record as a FHIR R4 Observation, from its type's descriptor. Pure.

Source: HL7 FHIR R4, Observation, and the vital-signs profiles heartrate, bodytemp, oxygensat, bp
and bodyweight.
"""

from collections.abc import Mapping
from typing import cast

from vitalkeep.datatypes.descriptors import DataType, JsonObject
from vitalkeep.datatypes.registry import BY_NAME
from vitalkeep.fhir import vocabulary as words
from vitalkeep.fhir.components import JsonView, choice_concept, only_sample, to_components
from vitalkeep.fhir.nights import minutes, to_night


def to_observation(record: JsonView, *, observation_id: str, subject: str) -> JsonObject:
    """The Observation of a canonical record as answers carry it.

    `observation_id` is at most 64 of A-Z, a-z, 0-9, `-` and `.`; `subject` a reference.
    """
    kind = BY_NAME[str(record["type"])]
    modified_at = record["modified_at"]
    origin = cast(JsonView, record["origin"])
    meta: JsonObject = {"lastUpdated": modified_at}
    if kind.fhir.profile is not None:
        meta["profile"] = [kind.fhir.profile]
    resource: JsonObject = {
        "resourceType": "Observation",
        "id": observation_id,
        "meta": meta,
        **_device(origin.get("device")),
        "extension": _extensions(record, origin),
        "identifier": _identifiers(record),
        "status": "final",
        "category": [words.concept(words.coding(words.CATEGORY, kind.fhir.category))],
        "code": to_code(kind, record),
        "subject": {"reference": subject},
        **_effective(record),
        "issued": modified_at,
        **_value(kind, record),
    }
    return resource | _present(
        note=[{"text": record[name]} for name in kind.fhir.notes if record.get(name)],
        bodySite=_site(kind, record),
        component=to_components(kind, record),
    )


def to_code(kind: DataType, record: JsonView) -> JsonObject:
    """What was measured: LOINC's code for this record, those a profile demands, and ours."""
    loinc: str | None = kind.fhir.loinc
    for each in kind.fhir.codes:
        if record.get(each.field) in each.values:
            loinc = each.loinc
    codes = (loinc, *kind.fhir.with_code)
    codings = [words.coding(words.LOINC, code) for code in codes if code is not None]
    return words.concept(*codings, words.coding(words.TYPE, kind.name), text=kind.title)


def _value(kind: DataType, record: JsonView) -> JsonObject:
    """The one value, if there is one: a field's, a single sample's, or the time asleep."""
    if kind.shape == "stages":
        value: object = minutes(to_night(record).asleep)
    elif kind.shape == "series":
        (series,) = (field for field in kind.fields if field.kind == "list")
        value = only_sample(series, record)
    else:
        fields = [field for field in kind.fields if field.unit and field.loinc is None]
        value = record[fields[0].name] if fields else None
    return {} if value is None else {"valueQuantity": words.quantity(value, kind.fhir.ucum)}


def _effective(record: JsonView) -> JsonObject:
    if "time" in record:
        return {"effectiveDateTime": words.to_datetime(str(record["time"]))}
    start, end = (words.to_datetime(str(record[name])) for name in ("start", "end"))
    return {"effectivePeriod": {"start": start, "end": end}}


def _identifiers(record: JsonView) -> list[JsonObject]:
    """The record's id here, and what its app and its phone's own store call it."""
    uuid: JsonObject = {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{record['id']}"}
    named = (("client_id", words.CLIENT_ID), ("platform_id", words.PLATFORM_ID))
    theirs = [{"system": system, "value": record[name]} for name, system in named if name in record]
    return [uuid, *theirs]


def _extensions(record: JsonView, origin: JsonView) -> list[JsonObject]:
    found = [words.extension(words.APP, valueString=origin["app"])]
    if record.get("client_version"):
        # An integer of FHIR has 32 bits, ours has 64.
        version = str(record["client_version"])
        found.append(words.extension(words.CLIENT_VERSION, valueString=version))
    if "recording_method" in record:
        method = record["recording_method"]
        found.append(words.extension(words.RECORDING_METHOD, valueCode=method))
    if "original" in record:
        original = cast(JsonView, record["original"])
        value = words.quantity(original["value"], str(original["unit"]))
        found.append(words.extension(words.ORIGINAL, valueQuantity=value))
    return found


def _device(device: object) -> JsonObject:
    """The device as a resource inside the Observation, and the reference to it."""
    if not isinstance(device, Mapping) or not device:
        return {}
    made: JsonObject = {"resourceType": "Device", "id": "device"}
    if "type" in device:
        made["type"] = words.concept(
            words.coding(words.choices_system("DeviceType"), device["type"]),
            text=device["type"].replace("_", " "),
        )
    made |= _present(manufacturer=device.get("manufacturer"), modelNumber=device.get("model"))
    return {"contained": [made], "device": {"reference": "#device"}}


def _site(kind: DataType, record: JsonView) -> JsonObject | None:
    found = [field for field in kind.fields if field.name == kind.fhir.site]
    return choice_concept(found[0], record) if found and found[0].name in record else None


def _present(**members: object) -> JsonObject:
    """The members that say something: FHIR has no empty lists, objects or strings."""
    return {name: value for name, value in members.items() if value}
