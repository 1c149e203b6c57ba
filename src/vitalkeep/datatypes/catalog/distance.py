"""Distance moved in an interval."""

from typing import Final

from vitalkeep.datatypes.descriptors import (
    DataType,
    Fhir,
    Field,
    GoogleFit,
    GoogleHealth,
    HealthConnect,
    HealthKit,
)

DISTANCE: Final = DataType(
    name="distance",
    number=2,
    title="Distance",
    shape="interval",
    summary="total",
    fields=(
        Field(
            "meters",
            "number",
            unit="m",
            low=0,
            high=1_000_000,
            quantity="length",
            health_connect="distance",
        ),
    ),
    health_connect=HealthConnect(
        record_type="Distance",
        record_class="DistanceRecord",
        permission="android.permission.health.READ_DISTANCE",
        example={
            "recordType": "Distance",
            "startTime": "2026-11-19T22:10:00Z",
            "startZoneOffset": None,
            "endTime": "2026-11-19T22:35:00Z",
            "endZoneOffset": None,
            "distance": {
                "inMeters": 1650.5,
                "inKilometers": 1.6505,
                "inMiles": 1.0255731,
                "inInches": 64980.3,
                "inFeet": 5415.026,
            },
            "metadata": {
                "id": "0c9f4e86-1f55-4b7e-8f0c-7b1a64d3a002",
                "dataOrigin": "jp.example.walk",
                "lastModifiedTime": "2026-11-19T22:36:04.120Z",
                "recordingMethod": 2,
                "device": {"type": 2, "manufacturer": "Example", "model": "Phone 9"},
            },
        },
    ),
    google_fit=GoogleFit(
        data_type="com.google.distance.delta",
        read_scope="https://www.googleapis.com/auth/fitness.location.read",
        values=("distance",),
    ),
    google_health=GoogleHealth(
        data_type="distance",
        read_scope="https://www.googleapis.com/auth/googlehealth.activity_and_fitness.readonly",
        value="distance.millimeters",
        unit="mm",
    ),
    healthkit=HealthKit(
        "HKQuantityTypeIdentifierDistanceWalkingRunning",
        "m",
        example={
            "uuid": "A1D6B2F0-3C52-4E6D-9B57-6F4D2C1E0002",
            "quantityType": "HKQuantityTypeIdentifierDistanceWalkingRunning",
            "startDate": "2026-11-19T22:10:00.000Z",
            "endDate": "2026-11-19T22:35:00.000Z",
            "quantity": 1.6505,
            "unit": "km",
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
    # LOINC has no distance without a way of moving; this is its pedometer's walking distance.
    fhir=Fhir(loinc="55430-3", ucum="m", category="activity"),
    open_mhealth=None,
    example={
        "type": "distance",
        "start": "2026-11-20T07:10:00+09:00",
        "end": "2026-11-20T07:35:00+09:00",
        "meters": 1650.5,
        "client_id": "distance-20261120-0710",
        "recording_method": "automatically_recorded",
        "origin": {"app": "jp.example.walk", "device": {"type": "phone"}},
    },
)
