"""The wire's enumerations: Health Connect's names in lower snake case, in its integer order."""

from typing import Final

from vitalkeep.datatypes.descriptors import Choices

RECORDING_METHOD: Final = Choices(
    "RecordingMethod",
    ("unknown", "actively_recorded", "automatically_recorded", "manual_entry"),
)
DEVICE_TYPE: Final = Choices(
    "DeviceType",
    (
        "unknown",
        "watch",
        "phone",
        "scale",
        "ring",
        "head_mounted",
        "fitness_band",
        "chest_strap",
        "smart_display",
    ),
)
SLEEP_STAGE: Final = Choices(
    "SleepStageType",
    ("unknown", "awake", "sleeping", "out_of_bed", "light", "deep", "rem", "awake_in_bed"),
)
BODY_POSITION: Final = Choices(
    "BodyPosition",
    ("unknown", "standing_up", "sitting_down", "lying_down", "reclining"),
)
BLOOD_PRESSURE_LOCATION: Final = Choices(
    "BloodPressureLocation",
    ("unknown", "left_wrist", "right_wrist", "left_upper_arm", "right_upper_arm"),
)
RELATION_TO_MEAL: Final = Choices(
    "RelationToMeal",
    ("unknown", "general", "fasting", "before_meal", "after_meal"),
)
SPECIMEN_SOURCE: Final = Choices(
    "SpecimenSource",
    (
        "unknown",
        "interstitial_fluid",
        "capillary_blood",
        "plasma",
        "serum",
        "tears",
        "whole_blood",
    ),
)
MEAL_TYPE: Final = Choices("MealType", ("unknown", "breakfast", "lunch", "dinner", "snack"))
TEMPERATURE_LOCATION: Final = Choices(
    "TemperatureLocation",
    (
        "unknown",
        "armpit",
        "finger",
        "forehead",
        "mouth",
        "rectum",
        "temporal_artery",
        "toe",
        "ear",
        "wrist",
        "vagina",
    ),
)
