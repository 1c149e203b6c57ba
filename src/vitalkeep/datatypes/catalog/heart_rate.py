"""A series of heart rates inside an interval."""

from typing import Final

from vitalkeep.datatypes.common import TIME
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

HEART_RATE: Final = DataType(
    name="heart_rate",
    number=8,
    title="Heart rate",
    shape="series",
    summary="pulse",
    fields=(
        Field(
            "samples",
            "list",
            low=1,
            high=10_000,
            model="HeartRateSample",
            health_connect="samples",
            parts=(
                TIME,
                Field(
                    "beats_per_minute",
                    "integer",
                    unit="/min",
                    low=1,
                    high=300,
                    health_connect="beatsPerMinute",
                ),
            ),
        ),
    ),
    health_connect=HealthConnect(
        record_type="HeartRate",
        record_class="HeartRateRecord",
        permission="android.permission.health.READ_HEART_RATE",
        example={
            "recordType": "HeartRate",
            "startTime": "2026-11-19T22:10:00Z",
            "startZoneOffset": {"id": "+09:00", "totalSeconds": 32400},
            "endTime": "2026-11-19T22:12:00Z",
            "endZoneOffset": {"id": "+09:00", "totalSeconds": 32400},
            "samples": [
                {"time": "2026-11-19T22:10:00Z", "beatsPerMinute": 71},
                {"time": "2026-11-19T22:11:00.250Z", "beatsPerMinute": 84},
                {"time": "2026-11-19T22:12:00Z", "beatsPerMinute": 92},
            ],
            "metadata": {
                "id": "16a5d1d0-6e0c-4a53-8d39-65b1c7d44008",
                "dataOrigin": "jp.example.walk",
                "lastModifiedTime": "2026-11-19T22:12:30Z",
                "recordingMethod": 2,
                "device": {"type": 1, "manufacturer": "Example", "model": "Watch 3"},
            },
        },
    ),
    google_fit=GoogleFit(
        data_type="com.google.heart_rate.bpm",
        read_scope="https://www.googleapis.com/auth/fitness.heart_rate.read",
        values=("bpm",),
    ),
    google_health=GoogleHealth(
        data_type="heart-rate",
        read_scope="https://www.googleapis.com/auth/"
        "googlehealth.health_metrics_and_measurements.readonly",
        value="heartRate.beatsPerMinute",
        unit="/min",
    ),
    healthkit=HealthKit(
        "HKQuantityTypeIdentifierHeartRate",
        "/min",
        example={
            "uuid": "A1D6B2F0-3C52-4E6D-9B57-6F4D2C1E0008",
            "quantityType": "HKQuantityTypeIdentifierHeartRate",
            "startDate": "2026-11-19T22:10:05.000Z",
            "endDate": "2026-11-19T22:10:05.000Z",
            "quantity": 71,
            "unit": "count/min",
            "sourceRevision": {
                "source": {"name": "Walk", "bundleIdentifier": "jp.example.walk"},
                "version": "4.2",
                "productType": "Watch6,2",
            },
            "device": {
                "name": "Example Watch",
                "manufacturer": "Example",
                "model": "Watch",
            },
            "metadata": {"HKTimeZone": "Asia/Tokyo"},
        },
    ),
    fhir=Fhir(
        loinc="8867-4",
        ucum="/min",
        category="vital-signs",
        profile="http://hl7.org/fhir/StructureDefinition/heartrate",
        jp_profile="JP_Observation_VitalSigns",
    ),
    open_mhealth=OpenMHealth(
        schema="omh:heart-rate:2.0",
        reads=("omh:heart-rate:1", "omh:heart-rate:2"),
        members=(OpenMHealthMember("beats_per_minute", "heart_rate", "beats/min"),),
        example={
            "header": {
                "id": "0d0d3a4e-7f0c-4b46-9a55-2c4f3e2b1008",
                "creation_date_time": "2026-11-20T07:10:01+09:00",
                "schema_id": {"namespace": "omh", "name": "heart-rate", "version": "2.0"},
                "acquisition_provenance": {
                    "source_name": "jp.example.walk",
                    "modality": "sensed",
                },
            },
            "body": {
                "heart_rate": {"value": 71, "unit": "beats/min"},
                "effective_time_frame": {"date_time": "2026-11-20T07:10:00+09:00"},
            },
        },
    ),
    example={
        "type": "heart_rate",
        "start": "2026-11-20T07:10:00+09:00",
        "end": "2026-11-20T07:12:00+09:00",
        "samples": [
            {"time": "2026-11-20T07:10:00+09:00", "beats_per_minute": 71},
            {"time": "2026-11-20T07:11:00.25+09:00", "beats_per_minute": 84},
            {"time": "2026-11-20T07:12:00+09:00", "beats_per_minute": 92},
        ],
        "client_id": "hr-20261120-0710",
        "recording_method": "automatically_recorded",
        "origin": {"app": "jp.example.walk", "device": {"type": "watch", "model": "Watch 3"}},
    },
)
