"""Body fat as a percentage of weight, at an instant."""

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

BODY_FAT: Final = DataType(
    name="body_fat",
    number=4,
    title="Body fat",
    shape="instant",
    summary="spread",
    fields=(Field("percent", "number", unit="%", low=0, high=100, health_connect="percentage"),),
    health_connect=HealthConnect(
        record_type="BodyFat",
        record_class="BodyFatRecord",
        permission="android.permission.health.READ_BODY_FAT",
        example={
            "recordType": "BodyFat",
            "time": "2026-11-19T22:02:11.500Z",
            "zoneOffset": "+09:00",
            "percentage": 22.8,
            "metadata": {
                "id": "b6e5e7d2-6b1f-4b25-a86b-7f5e6ddc8004",
                "dataOrigin": {"packageName": "jp.example.scale"},
                "lastModifiedTime": "2026-11-19T22:02:12.000Z",
                "recordingMethod": 2,
                "device": {"type": 3, "manufacturer": "Example", "model": "Scale S1"},
            },
        },
    ),
    google_fit=GoogleFit(
        data_type="com.google.body.fat.percentage",
        read_scope="https://www.googleapis.com/auth/fitness.body.read",
        values=("percentage",),
    ),
    google_health=GoogleHealth(
        data_type="body-fat",
        read_scope="https://www.googleapis.com/auth/"
        "googlehealth.health_metrics_and_measurements.readonly",
        value="bodyFat.percentage",
        unit="%",
    ),
    healthkit=HealthKit(
        "HKQuantityTypeIdentifierBodyFatPercentage",
        "1",
        example={
            "uuid": "A1D6B2F0-3C52-4E6D-9B57-6F4D2C1E0004",
            "quantityType": "HKQuantityTypeIdentifierBodyFatPercentage",
            "startDate": "2026-11-20T07:02:11.500+09:00",
            "endDate": "2026-11-20T07:02:11.500+09:00",
            "quantity": 0.228,
            "unit": "%",
            "sourceRevision": {
                "source": {"name": "Scale", "bundleIdentifier": "jp.example.scale"},
                "version": "4.2",
                "productType": "iPhone14,2",
            },
            "device": {"manufacturer": "Example", "model": "Scale S1"},
        },
    ),
    fhir=Fhir(
        loinc="41982-0",
        ucum="%",
        category="vital-signs",
        jp_profile="JP_Observation_BodyMeasurement",
        jp_code="31001697",
    ),
    open_mhealth=OpenMHealth(
        schema="omh:body-fat-percentage:2.0",
        reads=("omh:body-fat-percentage:1", "omh:body-fat-percentage:2"),
        members=(OpenMHealthMember("percent", "body_fat_percentage", "%"),),
        example={
            "header": {
                "id": "0d0d3a4e-7f0c-4b46-9a55-2c4f3e2b1004",
                "creation_date_time": "2026-11-20T07:02:12+09:00",
                "schema_id": {"namespace": "omh", "name": "body-fat-percentage", "version": "2.0"},
                "acquisition_provenance": {
                    "source_name": "jp.example.scale",
                    "modality": "sensed",
                },
            },
            "body": {
                "body_fat_percentage": {"value": 22.8, "unit": "%"},
                "effective_time_frame": {"date_time": "2026-11-20T07:02:11+09:00"},
            },
        },
    ),
    example={
        "type": "body_fat",
        "time": "2026-11-20T07:02:11.5+09:00",
        "percent": 22.8,
        "client_id": "bf-20261120",
        "recording_method": "automatically_recorded",
        "origin": {"app": "jp.example.scale", "device": {"type": "scale", "model": "Scale S1"}},
    },
)
