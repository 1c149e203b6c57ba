"""Blood glucose at an instant."""

from typing import Final

from vitalkeep.datatypes.choices import MEAL_TYPE, RELATION_TO_MEAL, SPECIMEN_SOURCE
from vitalkeep.datatypes.descriptors import (
    Alternative,
    DataType,
    Fhir,
    FhirCode,
    Field,
    GoogleFit,
    GoogleHealth,
    HealthConnect,
    HealthKit,
    HealthKitChoice,
    OpenMHealth,
    OpenMHealthMember,
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
        codes=(
            FhirCode("specimen_source", ("capillary_blood",), "14743-9"),
            FhirCode("specimen_source", ("interstitial_fluid",), "105272-9"),
            FhirCode("specimen_source", ("plasma", "serum"), "14749-6"),
            FhirCode("specimen_source", ("tears",), None),
        ),
        jp_profile="JP_Observation_LabResult",
    ),
    open_mhealth=OpenMHealth(
        schema="omh:blood-glucose:4.0",
        reads=(
            "omh:blood-glucose:1",
            "omh:blood-glucose:2",
            "omh:blood-glucose:3",
            "omh:blood-glucose:4",
        ),
        members=(
            OpenMHealthMember("millimoles_per_liter", "blood_glucose", "mmol/L"),
            OpenMHealthMember(
                "relation_to_meal",
                "temporal_relationship_to_meal",
                words=(
                    ("not related to meals", "general"),
                    ("fasting", "fasting"),
                    ("before meal", "before_meal"),
                    ("after meal", "after_meal"),
                    ("2 hours postprandial", "after_meal"),
                    ("before breakfast", "before_meal"),
                    ("after breakfast", "after_meal"),
                    ("before lunch", "before_meal"),
                    ("after lunch", "after_meal"),
                    ("before dinner", "before_meal"),
                    ("after dinner", "after_meal"),
                ),
            ),
            OpenMHealthMember(
                "meal_type",
                "temporal_relationship_to_meal",
                words=(
                    ("before breakfast", "breakfast"),
                    ("after breakfast", "breakfast"),
                    ("before lunch", "lunch"),
                    ("after lunch", "lunch"),
                    ("before dinner", "dinner"),
                    ("after dinner", "dinner"),
                ),
                partial=True,
            ),
            OpenMHealthMember(
                "specimen_source",
                "specimen_source",
                words=(
                    ("interstitial fluid", "interstitial_fluid"),
                    ("capillary blood", "capillary_blood"),
                    ("plasma", "plasma"),
                    ("serum", "serum"),
                    ("tears", "tears"),
                    ("lacrimal fluid", "tears"),
                    ("whole blood", "whole_blood"),
                ),
            ),
            # Version 1 called the specimen so.
            OpenMHealthMember(
                "specimen_source",
                "blood_specimen_type",
                words=(
                    ("whole blood", "whole_blood"),
                    ("plasma", "plasma"),
                    ("serum", "serum"),
                ),
            ),
        ),
        example={
            "header": {
                "id": "0d0d3a4e-7f0c-4b46-9a55-2c4f3e2b1007",
                "creation_date_time": "2026-11-20T07:01:00+09:00",
                "schema_id": {"namespace": "omh", "name": "blood-glucose", "version": "4.0"},
                "acquisition_provenance": {
                    "source_name": "jp.example.glucose",
                    "modality": "self-reported",
                },
            },
            "body": {
                "blood_glucose": {"value": 110, "unit": "mg/dL"},
                "temporal_relationship_to_meal": "fasting",
                "specimen_source": "capillary blood",
                "effective_time_frame": {"date_time": "2026-11-20T07:00:00+09:00"},
            },
        },
    ),
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
