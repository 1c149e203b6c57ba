"""Body temperature at an instant."""

from typing import Final

from vitalkeep.datatypes.choices import TEMPERATURE_LOCATION
from vitalkeep.datatypes.descriptors import (
    DataType,
    Fhir,
    Field,
    GoogleFit,
    GoogleHealth,
    HealthConnect,
    HealthKit,
    HealthKitChoice,
    OpenMHealth,
    OpenMHealthMember,
)

BODY_TEMPERATURE: Final = DataType(
    name="body_temperature",
    number=9,
    title="Body temperature",
    shape="instant",
    summary="spread",
    fields=(
        Field(
            "celsius",
            "number",
            unit="Cel",
            low=0,
            high=100,
            quantity="temperature",
            health_connect="temperature",
        ),
        Field(
            "measurement_location",
            "choice",
            required=False,
            choices=TEMPERATURE_LOCATION,
            health_connect="measurementLocation",
        ),
    ),
    health_connect=HealthConnect(
        record_type="BodyTemperature",
        record_class="BodyTemperatureRecord",
        permission="android.permission.health.READ_BODY_TEMPERATURE",
        example={
            "recordType": "BodyTemperature",
            "time": "2026-11-19T21:50:00Z",
            "zoneOffset": None,
            "temperature": {"inCelsius": 36.6, "inFahrenheit": 97.88},
            "measurementLocation": 1,
            "metadata": {
                "id": "2b7f84b1-64d8-4c02-9e1e-4bb5c4a2f009",
                "dataOrigin": "jp.example.warm",
                "lastModifiedTime": "2026-11-19T21:50:10Z",
                "recordingMethod": 3,
                "device": {"type": 0, "manufacturer": None, "model": None},
            },
        },
    ),
    google_fit=GoogleFit(
        data_type="com.google.body.temperature",
        read_scope="https://www.googleapis.com/auth/fitness.body_temperature.read",
        values=("body_temperature", "body_temperature_measurement_location"),
    ),
    # The Google Health API knows core temperature only.
    google_health=GoogleHealth(
        data_type="core-body-temperature",
        read_scope="https://www.googleapis.com/auth/"
        "googlehealth.health_metrics_and_measurements.readonly",
        value="coreBodyTemperature.temperatureCelsius",
        unit="Cel",
    ),
    healthkit=HealthKit(
        "HKQuantityTypeIdentifierBodyTemperature",
        "Cel",
        example={
            "uuid": "A1D6B2F0-3C52-4E6D-9B57-6F4D2C1E0009",
            "quantityType": "HKQuantityTypeIdentifierBodyTemperature",
            "startDate": "2026-11-19T21:50:00.000Z",
            "endDate": "2026-11-19T21:50:00.000Z",
            "quantity": 97.88,
            "unit": "degF",
            "sourceRevision": {
                "source": {"name": "Warm", "bundleIdentifier": "jp.example.warm"},
                "version": "4.2",
                "productType": "iPhone14,2",
            },
            "metadata": {
                "HKTimeZone": "Asia/Tokyo",
                "HKBodyTemperatureSensorLocation": 1,
                "HKWasUserEntered": True,
            },
        },
        # 0 is other, 2 the body and 5 the gut: Health Connect has no such places.
        choices=(
            HealthKitChoice(
                "measurement_location",
                "HKBodyTemperatureSensorLocation",
                {
                    1: "armpit",
                    3: "ear",
                    4: "finger",
                    6: "mouth",
                    7: "rectum",
                    8: "toe",
                    9: "ear",
                    10: "temporal_artery",
                    11: "forehead",
                },
            ),
        ),
    ),
    fhir=Fhir(
        loinc="8310-5",
        ucum="Cel",
        category="vital-signs",
        profile="http://hl7.org/fhir/StructureDefinition/bodytemp",
        site="measurement_location",
        jp_profile="JP_Observation_VitalSigns",
    ),
    open_mhealth=OpenMHealth(
        schema="omh:body-temperature:4.0",
        reads=(
            "omh:body-temperature:1",
            "omh:body-temperature:2",
            "omh:body-temperature:3",
            "omh:body-temperature:4",
        ),
        members=(
            OpenMHealthMember("celsius", "body_temperature", "C"),
            OpenMHealthMember(
                "measurement_location",
                "measurement_location",
                words=(
                    ("axillary", "armpit"),
                    ("finger", "finger"),
                    ("forehead", "forehead"),
                    ("oral", "mouth"),
                    ("rectal", "rectum"),
                    ("temporal artery", "temporal_artery"),
                    ("temporal", "temporal_artery"),
                    ("toe", "toe"),
                    ("tympanic", "ear"),
                    ("otic", "ear"),
                    ("wrist", "wrist"),
                    ("vagina", "vagina"),
                    ("vaginal", "vagina"),
                ),
            ),
        ),
        example={
            "header": {
                "id": "0d0d3a4e-7f0c-4b46-9a55-2c4f3e2b1009",
                "creation_date_time": "2026-11-20T07:06:00+09:00",
                "schema_id": {"namespace": "omh", "name": "body-temperature", "version": "4.0"},
                "acquisition_provenance": {
                    "source_name": "jp.example.thermometer",
                    "modality": "sensed",
                },
            },
            "body": {
                "body_temperature": {"value": 36.6, "unit": "C"},
                "measurement_location": "axillary",
                "effective_time_frame": {"date_time": "2026-11-20T07:05:30+09:00"},
            },
        },
    ),
    example={
        "type": "body_temperature",
        "time": "2026-11-20T06:50:00+09:00",
        "celsius": 36.6,
        "measurement_location": "armpit",
        "client_id": "bt-20261120",
        "recording_method": "manual_entry",
        "origin": {"app": "jp.example.warm"},
    },
)
