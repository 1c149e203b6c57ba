"""Body weight at an instant."""

from typing import Final

from vitalkeep.datatypes.descriptors import (
    DataType,
    Fhir,
    Field,
    GoogleFit,
    GoogleHealth,
    HealthConnect,
    HealthKit,
    OpenMHealth,
    OpenMHealthMember,
)

WEIGHT: Final = DataType(
    name="weight",
    number=3,
    title="Weight",
    shape="instant",
    summary="spread",
    fields=(
        Field(
            "kilograms",
            "number",
            unit="kg",
            low=0,
            high=1000,
            quantity="mass",
            health_connect="weight",
        ),
    ),
    health_connect=HealthConnect(
        record_type="Weight",
        record_class="WeightRecord",
        permission="android.permission.health.READ_WEIGHT",
        example={
            "recordType": "Weight",
            "time": "2026-11-19T22:02:11.500Z",
            "zoneOffset": {"id": "+09:00", "totalSeconds": 32400},
            "weight": {
                "inGrams": 68400.0,
                "inKilograms": 68.4,
                "inMilligrams": 68400000.0,
                "inMicrograms": 68400000000.0,
                "inOunces": 2412.74,
                "inPounds": 150.7962,
            },
            "metadata": {
                "id": "8a4fd9f0-52fb-4d63-9f0a-5c9f86d1c003",
                "dataOrigin": "jp.example.scale",
                "lastModifiedTime": "2026-11-19T22:02:12.000Z",
                "clientRecordId": "w-20261120",
                "clientRecordVersion": 1,
                "recordingMethod": 2,
                "device": {"type": 3, "manufacturer": "Example", "model": "Scale S1"},
            },
        },
    ),
    google_fit=GoogleFit(
        data_type="com.google.weight",
        read_scope="https://www.googleapis.com/auth/fitness.body.read",
        values=("weight",),
    ),
    google_health=GoogleHealth(
        data_type="weight",
        read_scope="https://www.googleapis.com/auth/"
        "googlehealth.health_metrics_and_measurements.readonly",
        value="weight.weightGrams",
        unit="g",
    ),
    healthkit=HealthKit(
        "HKQuantityTypeIdentifierBodyMass",
        "kg",
        example={
            "uuid": "A1D6B2F0-3C52-4E6D-9B57-6F4D2C1E0003",
            "quantityType": "HKQuantityTypeIdentifierBodyMass",
            "startDate": "2026-11-20T07:02:11.500+09:00",
            "endDate": "2026-11-20T07:02:11.500+09:00",
            "quantity": 68.4,
            "unit": "kg",
            "sourceRevision": {
                "source": {"name": "Scale", "bundleIdentifier": "jp.example.scale"},
                "version": "4.2",
                "productType": "iPhone14,2",
            },
            "device": {"manufacturer": "Example", "model": "Scale S1"},
            "metadata": {"HKSyncIdentifier": "w-20261120", "HKSyncVersion": 1},
        },
    ),
    fhir=Fhir(
        loinc="29463-7",
        ucum="kg",
        category="vital-signs",
        profile="http://hl7.org/fhir/StructureDefinition/bodyweight",
        jp_profile="JP_Observation_BodyMeasurement",
        jp_code="31000296",
    ),
    open_mhealth=OpenMHealth(
        schema="omh:body-weight:3.0",
        reads=("omh:body-weight:1", "omh:body-weight:2", "omh:body-weight:3"),
        members=(OpenMHealthMember("kilograms", "body_weight", "kg"),),
        example={
            "header": {
                "id": "0d0d3a4e-7f0c-4b46-9a55-2c4f3e2b1003",
                "creation_date_time": "2026-11-20T07:02:12+09:00",
                "schema_id": {"namespace": "omh", "name": "body-weight", "version": "3.0"},
                "acquisition_provenance": {
                    "source_name": "jp.example.scale",
                    "modality": "sensed",
                },
            },
            "body": {
                "body_weight": {"value": 68.4, "unit": "kg"},
                "effective_time_frame": {"date_time": "2026-11-20T07:02:11+09:00"},
            },
        },
    ),
    example={
        "type": "weight",
        "time": "2026-11-20T07:02:11.5+09:00",
        "kilograms": 68.4,
        "client_id": "w-20261120",
        "client_version": 1,
        "recording_method": "automatically_recorded",
        "origin": {
            "app": "jp.example.scale",
            "device": {"type": "scale", "manufacturer": "Example", "model": "Scale S1"},
        },
    },
)
