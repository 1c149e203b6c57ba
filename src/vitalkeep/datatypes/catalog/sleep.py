"""A night or a nap, with the stages found in it."""

from typing import Final

from vitalkeep.datatypes.choices import SLEEP_STAGE
from vitalkeep.datatypes.common import END, START
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

SLEEP: Final = DataType(
    name="sleep",
    number=5,
    title="Sleep",
    shape="stages",
    summary="sleep",
    fields=(
        Field("title", "text", low=0, high=200, required=False, health_connect="title"),
        Field(
            "notes",
            "text",
            low=0,
            high=2000,
            required=False,
            multiline=True,
            health_connect="notes",
        ),
        # A phone may know the session and no stage of it, so the list may be empty.
        Field(
            "stages",
            "list",
            low=0,
            high=10_000,
            model="SleepStage",
            health_connect="stages",
            parts=(
                START,
                END,
                Field("stage", "choice", choices=SLEEP_STAGE, health_connect="stage"),
            ),
        ),
    ),
    health_connect=HealthConnect(
        record_type="SleepSession",
        record_class="SleepSessionRecord",
        permission="android.permission.health.READ_SLEEP",
        example={
            "recordType": "SleepSession",
            "startTime": "2026-11-19T14:20:00Z",
            "startZoneOffset": {"id": "+09:00", "totalSeconds": 32400},
            "endTime": "2026-11-19T21:40:00Z",
            "endZoneOffset": {"id": "+09:00", "totalSeconds": 32400},
            "title": None,
            "notes": "",
            "stages": [
                {
                    "startTime": "2026-11-19T14:20:00Z",
                    "endTime": "2026-11-19T15:05:00Z",
                    "stage": 4,
                },
                {
                    "startTime": "2026-11-19T15:05:00Z",
                    "endTime": "2026-11-19T16:30:00Z",
                    "stage": 5,
                },
                {
                    "startTime": "2026-11-19T16:30:00Z",
                    "endTime": "2026-11-19T21:40:00Z",
                    "stage": 6,
                },
            ],
            "metadata": {
                "id": "d2b1c7aa-96e8-45b3-8a8e-6a7a4e6e2005",
                "dataOrigin": "jp.example.sleep",
                "lastModifiedTime": "2026-11-19T21:45:00Z",
                "recordingMethod": 2,
                "device": {"type": 4, "manufacturer": "Example", "model": "Ring 2"},
            },
        },
    ),
    google_fit=GoogleFit(
        data_type="com.google.sleep.segment",
        read_scope="https://www.googleapis.com/auth/fitness.sleep.read",
        values=("sleep_segment_type",),
    ),
    google_health=GoogleHealth(
        data_type="sleep",
        read_scope="https://www.googleapis.com/auth/googlehealth.sleep.readonly",
        value="sleep",
        unit=None,
    ),
    healthkit=HealthKit(
        "HKCategoryTypeIdentifierSleepAnalysis",
        None,
        example={
            "uuid": "A1D6B2F0-3C52-4E6D-9B57-6F4D2C1E0005",
            "categoryType": "HKCategoryTypeIdentifierSleepAnalysis",
            "startDate": "2026-11-19T15:05:00.000Z",
            "endDate": "2026-11-19T16:30:00.000Z",
            "value": 4,
            "sourceRevision": {
                "source": {"name": "Sleep", "bundleIdentifier": "jp.example.sleep"},
                "version": "4.2",
                "productType": "Watch6,2",
            },
            "metadata": {"HKTimeZone": "Asia/Tokyo"},
        },
        values={
            0: None,
            1: "sleeping",
            2: "awake",
            3: "light",
            4: "deep",
            5: "rem",
            "inbed": None,
            "asleep": "sleeping",
            "asleepunspecified": "sleeping",
            "awake": "awake",
            "core": "light",
            "asleepcore": "light",
            "deep": "deep",
            "asleepdeep": "deep",
            "rem": "rem",
            "asleeprem": "rem",
        },
    ),
    fhir=Fhir(
        loinc="93832-4",
        ucum="min",
        category="activity",
        also=(("deep", "93831-6"), ("light", "93830-8"), ("rem", "93829-0")),
        notes=("title", "notes"),
    ),
    open_mhealth=OpenMHealth(
        schema="ieee:sleep-episode:1.0",
        staged_schema="ieee:sleep-stage-summary:1.0",
        reads=(
            "ieee:sleep-episode:1",
            "ieee:sleep-stage-summary:1",
            "ieee:total-sleep-time:1",
            "omh:sleep-episode:1",
            "omh:total-sleep-time:1",
            "omh:sleep-duration:1",
            "omh:sleep-duration:2",
        ),
        members=(
            OpenMHealthMember(
                "stages",
                "sleep_stage_episodes",
                words=(
                    ("Light_sleep", "light"),
                    ("Deep_sleep", "deep"),
                    ("REM_sleep", "rem"),
                    ("Awake", "awake"),
                    ("Unknown_sleep", "sleeping"),
                ),
                wider=(
                    ("unknown", "sleeping"),
                    ("out_of_bed", "awake"),
                    ("awake_in_bed", "awake"),
                ),
            ),
            OpenMHealthMember("stages", "sleep_events"),
        ),
        example={
            "header": {
                "uuid": "0d0d3a4e-7f0c-4b46-9a55-2c4f3e2b1005",
                "schema_id": {
                    "namespace": "ieee",
                    "name": "sleep-stage-summary",
                    "version": "1.0",
                },
                "source_creation_date_time": "2026-11-20T06:45:00+09:00",
                "modality": "sensed",
            },
            "body": {
                "sleep_stage_summary": {"total_sleep_time": {"value": 440, "unit": "min"}},
                "sleep_stage_episodes": [
                    {
                        "sleep_stage_state": "Light_sleep",
                        "sleep_stage_time_frame": {
                            "time_interval": {
                                "start_date_time": "2026-11-19T23:20:00+09:00",
                                "end_date_time": "2026-11-20T00:05:00+09:00",
                            }
                        },
                    },
                    {
                        "sleep_stage_state": "Deep_sleep",
                        "sleep_stage_time_frame": {
                            "time_interval": {
                                "start_date_time": "2026-11-20T00:05:00+09:00",
                                "end_date_time": "2026-11-20T01:30:00+09:00",
                            }
                        },
                    },
                    {
                        "sleep_stage_state": "REM_sleep",
                        "sleep_stage_time_frame": {
                            "time_interval": {
                                "start_date_time": "2026-11-20T01:30:00+09:00",
                                "end_date_time": "2026-11-20T06:40:00+09:00",
                            }
                        },
                    },
                ],
                "effective_time_frame": {
                    "time_interval": {
                        "start_date_time": "2026-11-19T23:20:00+09:00",
                        "end_date_time": "2026-11-20T06:40:00+09:00",
                    }
                },
            },
        },
    ),
    example={
        "type": "sleep",
        "start": "2026-11-19T23:20:00+09:00",
        "end": "2026-11-20T06:40:00+09:00",
        "stages": [
            {
                "start": "2026-11-19T23:20:00+09:00",
                "end": "2026-11-20T00:05:00+09:00",
                "stage": "light",
            },
            {
                "start": "2026-11-20T00:05:00+09:00",
                "end": "2026-11-20T01:30:00+09:00",
                "stage": "deep",
            },
            {
                "start": "2026-11-20T01:30:00+09:00",
                "end": "2026-11-20T06:40:00+09:00",
                "stage": "rem",
            },
        ],
        "client_id": "night-20261120",
        "recording_method": "automatically_recorded",
        "origin": {"app": "jp.example.sleep", "device": {"type": "ring", "model": "Ring 2"}},
    },
)
