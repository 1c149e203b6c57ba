"""Oxygen saturation of the blood at an instant."""

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

OXYGEN_SATURATION: Final = DataType(
    name="oxygen_saturation",
    number=10,
    title="Oxygen saturation",
    shape="instant",
    summary="spread",
    fields=(Field("percent", "number", unit="%", low=0, high=100, health_connect="percentage"),),
    health_connect=HealthConnect(
        record_type="OxygenSaturation",
        record_class="OxygenSaturationRecord",
        permission="android.permission.health.READ_OXYGEN_SATURATION",
        example={
            "recordType": "OxygenSaturation",
            "time": "2026-11-19T18:30:00Z",
            "zoneOffset": {"id": "+09:00", "totalSeconds": 32400},
            "percentage": 96.5,
            "metadata": {
                "id": "7d3ad8a5-1b3b-4a9f-b0a7-1c2a0f4b5010",
                "dataOrigin": "jp.example.sleep",
                "lastModifiedTime": "2026-11-19T18:30:05Z",
                "recordingMethod": 2,
                "device": {"type": 4, "manufacturer": "Example", "model": "Ring 2"},
            },
        },
    ),
    google_fit=GoogleFit(
        data_type="com.google.oxygen_saturation",
        read_scope="https://www.googleapis.com/auth/fitness.oxygen_saturation.read",
        values=(
            "oxygen_saturation",
            "supplemental_oxygen_flow_rate",
            "oxygen_therapy_administration_mode",
            "oxygen_saturation_system",
            "oxygen_saturation_measurement_method",
        ),
    ),
    google_health=GoogleHealth(
        data_type="oxygen-saturation",
        read_scope="https://www.googleapis.com/auth/"
        "googlehealth.health_metrics_and_measurements.readonly",
        value="oxygenSaturation.percentage",
        unit="%",
    ),
    healthkit=HealthKit(
        "HKQuantityTypeIdentifierOxygenSaturation",
        "1",
        example={
            "uuid": "A1D6B2F0-3C52-4E6D-9B57-6F4D2C1E0010",
            "quantityType": "HKQuantityTypeIdentifierOxygenSaturation",
            "startDate": "2026-11-19T18:30:00.000Z",
            "endDate": "2026-11-19T18:30:00.000Z",
            "quantity": 0.965,
            "unit": "%",
            "sourceRevision": {
                "source": {"name": "Sleep", "bundleIdentifier": "jp.example.sleep"},
                "version": "4.2",
                "productType": "Watch6,2",
            },
            "metadata": {"HKTimeZone": "Asia/Tokyo"},
        },
    ),
    # The vital-signs profile requires 2708-6; 59408-5 says that a pulse oximeter measured it.
    fhir=Fhir(
        loinc="59408-5",
        ucum="%",
        category="vital-signs",
        profile="http://hl7.org/fhir/StructureDefinition/oxygensat",
        also=(("profile_required", "2708-6"),),
        with_code=("2708-6",),
        jp_profile="JP_Observation_VitalSigns",
    ),
    open_mhealth=OpenMHealth(
        schema="omh:oxygen-saturation:2.0",
        reads=("omh:oxygen-saturation:1", "omh:oxygen-saturation:2"),
        members=(OpenMHealthMember("percent", "oxygen_saturation", "%"),),
        example={
            "header": {
                "id": "0d0d3a4e-7f0c-4b46-9a55-2c4f3e2b1010",
                "creation_date_time": "2026-11-20T07:08:00+09:00",
                "schema_id": {"namespace": "omh", "name": "oxygen-saturation", "version": "2.0"},
                "acquisition_provenance": {
                    "source_name": "jp.example.oxygen",
                    "modality": "sensed",
                },
            },
            "body": {
                "oxygen_saturation": {"value": 97, "unit": "%"},
                "effective_time_frame": {"date_time": "2026-11-20T07:07:40+09:00"},
            },
        },
    ),
    example={
        "type": "oxygen_saturation",
        "time": "2026-11-20T03:30:00+09:00",
        "percent": 96.5,
        "client_id": "spo2-20261120-0330",
        "recording_method": "automatically_recorded",
        "origin": {"app": "jp.example.sleep", "device": {"type": "ring", "model": "Ring 2"}},
    },
)
