"""Health Connect records as phones emit them, and what each is in our terms."""

from typing import Any

TOKYO = {"id": "+09:00", "totalSeconds": 32400}
AT = {"time": "2024-04-30T22:02:11.500Z", "zoneOffset": TOKYO}
HOUR: dict[str, Any] = {
    "startTime": "2024-04-30T22:00:00Z",
    "startZoneOffset": TOKYO,
    "endTime": "2024-04-30T23:00:00.000Z",
    "endZoneOffset": "+08:00",
}
INSTANT = {"time": "2024-05-01T07:02:11.5+09:00"}
INTERVAL = {"start": "2024-05-01T07:00:00+09:00", "end": "2024-05-01T07:00:00+08:00"}
METADATA: dict[str, Any] = {
    "id": "8A4FD9F0-52fb-4d63-9f0a-5c9f86d1c003",
    "dataOrigin": "jp.example.body",
    "lastModifiedTime": "2024-05-01T00:00:00.000Z",
    "clientRecordId": "from-phone",
    "clientRecordVersion": 7,
    "recordingMethod": 2,
    "device": {"type": 1, "manufacturer": "Example", "model": "Watch 3"},
}
COMMON = {
    "platform_id": "8a4fd9f0-52fb-4d63-9f0a-5c9f86d1c003",
    "client_id": "from-phone",
    "client_version": 7,
    "recording_method": "automatically_recorded",
    "origin": {
        "app": "jp.example.body",
        "device": {"type": "watch", "manufacturer": "Example", "model": "Watch 3"},
    },
}
# As a React Native client reads them (quantities in every unit at once, numbers as JavaScript
# writes them) and as it writes them (value and unit); with what each becomes.
SHAPES: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("Steps", {**HOUR, "count": 2310}, "steps", {**INTERVAL, "count": 2310}),
    (
        "Distance",
        {**HOUR, "distance": {"inMeters": 1650.5, "inKilometers": 1.6505, "inMiles": 1.02557}},
        "distance",
        {**INTERVAL, "meters": 1650.5},
    ),
    (
        "Weight",
        {**AT, "weight": {"inGrams": 68400, "inKilograms": 68.4, "inPounds": 150.796}},
        "weight",
        {**INSTANT, "kilograms": 68.4},
    ),
    (
        "Weight",
        {**AT, "weight": {"value": 151, "unit": "pounds"}},
        "weight",
        {**INSTANT, "kilograms": 68.492448, "original": {"value": 151.0, "unit": "[lb_av]"}},
    ),
    ("BodyFat", {**AT, "percentage": 22.8}, "body_fat", {**INSTANT, "percent": 22.8}),
    (
        "SleepSession",
        {
            **HOUR,
            "title": None,
            "notes": "",
            "stages": [
                {
                    "startTime": "2024-04-30T22:30:00Z",
                    "endTime": "2024-04-30T23:00:00Z",
                    "stage": 6,
                },
                {
                    "startTime": "2024-04-30T22:00:00.250Z",
                    "endTime": "2024-04-30T22:30:00Z",
                    "stage": 7,
                },
            ],
        },
        "sleep",
        {
            **INTERVAL,
            "stages": [
                {
                    "start": "2024-04-30T22:00:00.25Z",
                    "end": "2024-04-30T22:30:00Z",
                    "stage": "awake_in_bed",
                },
                {"start": "2024-04-30T22:30:00Z", "end": "2024-04-30T23:00:00Z", "stage": "rem"},
            ],
        },
    ),
    (
        "SleepSession",
        {**HOUR, "title": "Nap", "notes": "on the sofa"},
        "sleep",
        {**INTERVAL, "title": "Nap", "notes": "on the sofa", "stages": []},
    ),
    (
        "BloodPressure",
        {
            **AT,
            "systolic": {"inMillimetersOfMercury": 128},
            "diastolic": {"value": 82, "unit": "millimetersOfMercury"},
            "bodyPosition": 2,
            "measurementLocation": 3,
        },
        "blood_pressure",
        {
            **INSTANT,
            "systolic_mmhg": 128.0,
            "diastolic_mmhg": 82.0,
            "body_position": "sitting_down",
            "measurement_location": "left_upper_arm",
        },
    ),
    (
        "BloodGlucose",
        {
            **AT,
            "level": {"value": 110, "unit": "milligramsPerDeciliter"},
            "specimenSource": 2,
            "mealType": 1,
            "relationToMeal": 4,
        },
        "blood_glucose",
        {
            **INSTANT,
            "millimoles_per_liter": 6.111111,
            "specimen_source": "capillary_blood",
            "meal_type": "breakfast",
            "relation_to_meal": "after_meal",
            "original": {"value": 110.0, "unit": "mg/dL"},
        },
    ),
    (
        "BloodGlucose",
        {**AT, "level": {"inMillimolesPerLiter": 6.1, "inMilligramsPerDeciliter": 109.8}},
        "blood_glucose",
        {**INSTANT, "millimoles_per_liter": 6.1},
    ),
    (
        "HeartRate",
        {
            **HOUR,
            "samples": [
                {"time": "2024-04-30T22:11:00.250Z", "beatsPerMinute": 84},
                {"time": "2024-04-30T22:10:00Z", "beatsPerMinute": 71.0},
            ],
        },
        "heart_rate",
        {
            **INTERVAL,
            "samples": [
                {"time": "2024-04-30T22:10:00Z", "beats_per_minute": 71},
                {"time": "2024-04-30T22:11:00.25Z", "beats_per_minute": 84},
            ],
        },
    ),
    (
        "BodyTemperature",
        {
            **AT,
            "temperature": {"inCelsius": 36.6, "inFahrenheit": 97.88},
            "measurementLocation": 9,
        },
        "body_temperature",
        {**INSTANT, "celsius": 36.6, "measurement_location": "wrist"},
    ),
    (
        "BodyTemperature",
        {**AT, "temperature": {"value": 98.6, "unit": "fahrenheit"}, "measurementLocation": 77},
        "body_temperature",
        {
            **INSTANT,
            "celsius": 37.0,
            "measurement_location": "unknown",
            "original": {"value": 98.6, "unit": "[degF]"},
        },
    ),
    (
        "OxygenSaturation",
        {**AT, "percentage": 96},
        "oxygen_saturation",
        {**INSTANT, "percent": 96.0},
    ),
]
