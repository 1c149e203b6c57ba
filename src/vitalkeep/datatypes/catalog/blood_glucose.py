"""Blood glucose at an instant."""

from typing import Final

from vitalkeep.datatypes.choices import MEAL_TYPE, RELATION_TO_MEAL, SPECIMEN_SOURCE
from vitalkeep.datatypes.descriptors import (
    Alternative,
    DataType,
    Fhir,
    Field,
    GoogleFit,
    GoogleHealth,
    HealthConnect,
    HealthKit,
    HealthKitChoice,
)

BLOOD_GLUCOSE: Final = DataType(
    name="blood_glucose",
    number=7,
    title="Blood glucose",
    shape="instant",
    summary="spread",
    fields=(
        Field(
            "millimoles_per_liter",
            "number",
            unit="mmol/L",
            low=0,
            high=50,
            quantity="glucose",
            health_connect="level",
            alternative=Alternative("milligrams_per_deciliter", unit="mg/dL", low=0, high=900),
        ),
        Field(
            "relation_to_meal",
            "choice",
            required=False,
            choices=RELATION_TO_MEAL,
            health_connect="relationToMeal",
        ),
        Field(
            "meal_type",
            "choice",
            required=False,
            choices=MEAL_TYPE,
            health_connect="mealType",
        ),
        Field(
            "specimen_source",
            "choice",
            required=False,
            choices=SPECIMEN_SOURCE,
            health_connect="specimenSource",
        ),
    ),
    health_connect=HealthConnect(
        record_type="BloodGlucose",
        record_class="BloodGlucoseRecord",
        permission="android.permission.health.READ_BLOOD_GLUCOSE",
        example={
            "recordType": "BloodGlucose",
            "time": "2026-11-19T22:00:00Z",
            "zoneOffset": None,
            "level": {"value": 110.0, "unit": "milligramsPerDeciliter"},
            "specimenSource": 2,
            "mealType": 1,
            "relationToMeal": 2,
            "metadata": {
                "id": "f4c0f2be-4e24-46a6-8b43-90fdfb9fd007",
                "dataOrigin": "jp.example.glucose",
                "lastModifiedTime": "2026-11-19T22:00:30Z",
                "clientRecordId": "bg-20261120-0700",
                "clientRecordVersion": 0,
                "recordingMethod": 3,
                "device": None,
            },
        },
    ),
    google_fit=GoogleFit(
        data_type="com.google.blood_glucose",
        read_scope="https://www.googleapis.com/auth/fitness.blood_glucose.read",
        values=(
            "blood_glucose_level",
            "temporal_relation_to_meal",
            "meal_type",
            "temporal_relation_to_sleep",
            "blood_glucose_specimen_source",
        ),
    ),
    google_health=GoogleHealth(
        data_type="blood-glucose",
        read_scope="https://www.googleapis.com/auth/"
        "googlehealth.health_metrics_and_measurements.readonly",
        value="bloodGlucose.bloodGlucoseMilligramsPerDeciliter",
        unit="mg/dL",
    ),
    healthkit=HealthKit(
        "HKQuantityTypeIdentifierBloodGlucose",
        "mg/dL",
        example={
            "uuid": "A1D6B2F0-3C52-4E6D-9B57-6F4D2C1E0007",
            "quantityType": "HKQuantityTypeIdentifierBloodGlucose",
            "startDate": "2026-11-19T22:00:00.000Z",
            "endDate": "2026-11-19T22:00:00.000Z",
            "quantity": 110,
            "unit": "mg/dL",
            "sourceRevision": {
                "source": {"name": "Glucose", "bundleIdentifier": "jp.example.glucose"},
                "version": "4.2",
                "productType": "iPhone14,2",
            },
            "metadata": {
                "HKTimeZone": "Asia/Tokyo",
                "HKBloodGlucoseMealTime": 1,
                "HKWasUserEntered": True,
            },
        },
        choices=(
            HealthKitChoice(
                "relation_to_meal",
                "HKBloodGlucoseMealTime",
                {1: "before_meal", 2: "after_meal"},
            ),
        ),
    ),
    fhir=Fhir(
        loinc="15074-8",
        ucum="mmol/L",
        category="laboratory",
        also=(
            ("mass", "2339-0"),
            ("glucometer_capillary_moles", "14743-9"),
            ("interstitial_moles", "105272-9"),
            ("interstitial_mass", "99504-3"),
        ),
        jp_profile="JP_Observation_LabResult",
    ),
    open_mhealth="omh:blood-glucose:4.0",
    example={
        "type": "blood_glucose",
        "time": "2026-11-20T07:00:00+09:00",
        "millimoles_per_liter": 6.1,
        "relation_to_meal": "fasting",
        "meal_type": "breakfast",
        "specimen_source": "capillary_blood",
        "client_id": "bg-20261120-0700",
        "recording_method": "manual_entry",
        "origin": {"app": "jp.example.glucose"},
    },
)
