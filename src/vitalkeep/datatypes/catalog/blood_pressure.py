"""Blood pressure at an instant."""

from typing import Final

from vitalkeep.datatypes.choices import BLOOD_PRESSURE_LOCATION, BODY_POSITION
from vitalkeep.datatypes.descriptors import (
    DataType,
    Fhir,
    Field,
    GoogleFit,
    HealthConnect,
    HealthKit,
    OpenMHealth,
    OpenMHealthMember,
)

BLOOD_PRESSURE: Final = DataType(
    name="blood_pressure",
    number=6,
    title="Blood pressure",
    shape="instant",
    summary="spread",
    fields=(
        # Health Connect stops at 200 and 180: a crisis above that must still reach the nurse.
        Field(
            "systolic_mmhg",
            "number",
            unit="mm[Hg]",
            low=20,
            high=300,
            quantity="pressure",
            health_connect="systolic",
            loinc="8480-6",
        ),
        Field(
            "diastolic_mmhg",
            "number",
            unit="mm[Hg]",
            low=10,
            high=200,
            quantity="pressure",
            health_connect="diastolic",
            loinc="8462-4",
        ),
        Field(
            "body_position",
            "choice",
            required=False,
            choices=BODY_POSITION,
            health_connect="bodyPosition",
        ),
        Field(
            "measurement_location",
            "choice",
            required=False,
            choices=BLOOD_PRESSURE_LOCATION,
            health_connect="measurementLocation",
        ),
    ),
    health_connect=HealthConnect(
        record_type="BloodPressure",
        record_class="BloodPressureRecord",
        permission="android.permission.health.READ_BLOOD_PRESSURE",
        example={
            "recordType": "BloodPressure",
            "time": "2026-11-19T22:05:00Z",
            "zoneOffset": {"id": "+09:00", "totalSeconds": 32400},
            "systolic": {"inMillimetersOfMercury": 128.0},
            "diastolic": {"inMillimetersOfMercury": 82.0},
            "bodyPosition": 2,
            "measurementLocation": 3,
            "metadata": {
                "id": "e7f0a3c4-3f8c-4f0d-9c55-0b8f1e6b9006",
                "dataOrigin": "jp.example.pressure",
                "lastModifiedTime": "2026-11-19T22:05:09Z",
                "recordingMethod": 1,
                "device": {"type": 0, "manufacturer": "Example", "model": "Cuff 10"},
            },
        },
    ),
    google_fit=GoogleFit(
        data_type="com.google.blood_pressure",
        read_scope="https://www.googleapis.com/auth/fitness.blood_pressure.read",
        values=(
            "systolic",
            "diastolic",
            "body_position",
            "blood_pressure_measurement_location",
        ),
    ),
    google_health=None,
    healthkit=HealthKit(
        "HKCorrelationTypeIdentifierBloodPressure",
        "mm[Hg]",
        example={
            "uuid": "A1D6B2F0-3C52-4E6D-9B57-6F4D2C1E0006",
            "correlationType": "HKCorrelationTypeIdentifierBloodPressure",
            "startDate": "2026-11-19T22:05:00.000Z",
            "endDate": "2026-11-19T22:05:00.000Z",
            "objects": [
                {
                    "uuid": "A1D6B2F0-3C52-4E6D-9B57-6F4D2C1E0016",
                    "quantityType": "HKQuantityTypeIdentifierBloodPressureSystolic",
                    "startDate": "2026-11-19T22:05:00.000Z",
                    "endDate": "2026-11-19T22:05:00.000Z",
                    "quantity": 128,
                    "unit": "mmHg",
                },
                {
                    "uuid": "A1D6B2F0-3C52-4E6D-9B57-6F4D2C1E0026",
                    "quantityType": "HKQuantityTypeIdentifierBloodPressureDiastolic",
                    "startDate": "2026-11-19T22:05:00.000Z",
                    "endDate": "2026-11-19T22:05:00.000Z",
                    "quantity": 82,
                    "unit": "mmHg",
                },
            ],
            "sourceRevision": {
                "source": {"name": "Pressure", "bundleIdentifier": "jp.example.pressure"},
                "version": "4.2",
                "productType": "iPhone14,2",
            },
            "device": {"manufacturer": "Example", "model": "Cuff 10"},
            "metadata": {"HKTimeZone": "Asia/Tokyo"},
        },
        parts=(
            "HKQuantityTypeIdentifierBloodPressureSystolic",
            "HKQuantityTypeIdentifierBloodPressureDiastolic",
        ),
    ),
    fhir=Fhir(
        loinc="85354-9",
        ucum="mm[Hg]",
        category="vital-signs",
        profile="http://hl7.org/fhir/StructureDefinition/bp",
        site="measurement_location",
        jp_profile="JP_Observation_VitalSigns",
    ),
    open_mhealth=OpenMHealth(
        schema="omh:blood-pressure:4.0",
        reads=(
            "omh:blood-pressure:1",
            "omh:blood-pressure:2",
            "omh:blood-pressure:3",
            "omh:blood-pressure:4",
        ),
        members=(
            OpenMHealthMember("systolic_mmhg", "systolic_blood_pressure", "mmHg"),
            OpenMHealthMember("diastolic_mmhg", "diastolic_blood_pressure", "mmHg"),
            OpenMHealthMember(
                "body_position",
                "body_posture",
                words=(
                    ("sitting", "sitting_down"),
                    ("lying down", "lying_down"),
                    ("standing", "standing_up"),
                    ("semi-recumbent", "reclining"),
                ),
            ),
            # Version 1 called the posture so.
            OpenMHealthMember(
                "body_position",
                "position_during_measurement",
                words=(
                    ("sitting", "sitting_down"),
                    ("lying down", "lying_down"),
                    ("standing", "standing_up"),
                ),
            ),
            OpenMHealthMember(
                "measurement_location",
                "measurement_location",
                words=(
                    ("left wrist", "left_wrist"),
                    ("right wrist", "right_wrist"),
                    ("left upper arm", "left_upper_arm"),
                    ("right upper arm", "right_upper_arm"),
                ),
            ),
        ),
        example={
            "header": {
                "id": "0d0d3a4e-7f0c-4b46-9a55-2c4f3e2b1006",
                "creation_date_time": "2026-11-20T07:05:30+09:00",
                "schema_id": {"namespace": "omh", "name": "blood-pressure", "version": "4.0"},
                "acquisition_provenance": {
                    "source_name": "jp.example.pressure",
                    "modality": "sensed",
                },
            },
            "body": {
                "systolic_blood_pressure": {"value": 128, "unit": "mmHg"},
                "diastolic_blood_pressure": {"value": 82, "unit": "mmHg"},
                "body_posture": "sitting",
                "measurement_location": "left upper arm",
                "effective_time_frame": {"date_time": "2026-11-20T07:05:00+09:00"},
            },
        },
    ),
    example={
        "type": "blood_pressure",
        "time": "2026-11-20T07:05:00+09:00",
        "systolic_mmhg": 128,
        "diastolic_mmhg": 82,
        "body_position": "sitting_down",
        "measurement_location": "left_upper_arm",
        "client_id": "bp-20261120-0705",
        "recording_method": "actively_recorded",
        "origin": {"app": "jp.example.pressure", "device": {"model": "Cuff 10"}},
    },
)
