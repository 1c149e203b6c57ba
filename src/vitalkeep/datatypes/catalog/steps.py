"""Steps walked in an interval."""

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

STEPS: Final = DataType(
    name="steps",
    number=1,
    title="Steps",
    shape="interval",
    summary="total",
    fields=(
        # Health Connect's client refuses 0, its platform stores it: the wider bound wins.
        Field("count", "integer", unit="{steps}", low=0, high=1_000_000, health_connect="count"),
    ),
    health_connect=HealthConnect(
        record_type="Steps",
        record_class="StepsRecord",
        permission="android.permission.health.READ_STEPS",
        example={
            "recordType": "Steps",
            "startTime": "2026-11-19T22:10:00Z",
            "startZoneOffset": {"id": "+09:00", "totalSeconds": 32400},
            "endTime": "2026-11-19T22:35:00Z",
            "endZoneOffset": {"id": "+09:00", "totalSeconds": 32400},
            "count": 2310,
            "metadata": {
                "id": "5f2b7c1e-8d0a-4a5e-9b60-3f1d2c7a9e11",
                "dataOrigin": "jp.example.walk",
                "lastModifiedTime": "2026-11-19T22:36:04.120Z",
                "clientRecordId": None,
                "clientRecordVersion": 0,
                "recordingMethod": 2,
                "device": {"type": 1, "manufacturer": "Example", "model": "Watch 3"},
            },
        },
    ),
    google_fit=GoogleFit(
        data_type="com.google.step_count.delta",
        read_scope="https://www.googleapis.com/auth/fitness.activity.read",
        values=("steps",),
    ),
    google_health=GoogleHealth(
        data_type="steps",
        read_scope="https://www.googleapis.com/auth/googlehealth.activity_and_fitness.readonly",
        value="steps.count",
        unit="{steps}",
    ),
    healthkit=HealthKit(
        "HKQuantityTypeIdentifierStepCount",
        "{steps}",
        example={
            "uuid": "A1D6B2F0-3C52-4E6D-9B57-6F4D2C1E0001",
            "quantityType": "HKQuantityTypeIdentifierStepCount",
            "startDate": "2026-11-19T22:10:00.000Z",
            "endDate": "2026-11-19T22:35:00.000Z",
            "quantity": 2310,
            "unit": "count",
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
    fhir=Fhir(loinc="55423-8", ucum="{steps}", category="activity"),
    open_mhealth=OpenMHealth(
        schema="omh:step-count:3.0",
        reads=("omh:step-count:1", "omh:step-count:2", "omh:step-count:3"),
        members=(OpenMHealthMember("count", "step_count", "steps", bare=True),),
        example={
            "header": {
                "id": "0d0d3a4e-7f0c-4b46-9a55-2c4f3e2b1001",
                "creation_date_time": "2026-11-20T07:36:00+09:00",
                "schema_id": {"namespace": "omh", "name": "step-count", "version": "3.0"},
                "acquisition_provenance": {
                    "source_name": "jp.example.walk",
                    "modality": "sensed",
                },
            },
            "body": {
                "step_count": {"value": 2310, "unit": "steps"},
                "effective_time_frame": {
                    "time_interval": {
                        "start_date_time": "2026-11-20T07:10:00+09:00",
                        "end_date_time": "2026-11-20T07:35:00+09:00",
                    }
                },
            },
        },
    ),
    example={
        "type": "steps",
        "start": "2026-11-20T07:10:00+09:00",
        "end": "2026-11-20T07:35:00+09:00",
        "count": 2310,
        "client_id": "steps-20261120-0710",
        "recording_method": "automatically_recorded",
        "origin": {
            "app": "jp.example.walk",
            "device": {"type": "watch", "manufacturer": "Example", "model": "Watch 3"},
        },
    },
)
