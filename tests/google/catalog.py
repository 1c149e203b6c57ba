"""What Google's two APIs call the data types, written apart from the package that is tested."""

from dataclasses import dataclass
from typing import Final

FITNESS: Final = "https://www.googleapis.com/auth/fitness."
GOOGLEHEALTH: Final = "https://www.googleapis.com/auth/googlehealth."
GMS: Final = "com.google.android.gms"
SEGMENT: Final = "com.google.sleep.segment"
HEART_RATE: Final = "com.google.heart_rate.bpm"


@dataclass(frozen=True)
class FitType:
    """A type of the Fitness API. `fields` are (name, "integer" or "floatPoint") in their order."""

    name: str
    scope: str
    merged: str
    fields: tuple[tuple[str, str], ...]

    @property
    def derived_id(self) -> str:
        """The data source that merges all others."""
        return f"derived:{self.name}:{GMS}:{self.merged}"

    @property
    def more_derived(self) -> tuple[str, ...]:
        """Other derived sources that hold the same points."""
        if self.name == "com.google.step_count.delta":
            return (f"derived:{self.name}:{GMS}:merge_step_deltas",)
        return ()


@dataclass(frozen=True)
class HealthType:
    """A type of the Google Health API. `value` is the member that holds the number."""

    kebab: str
    shape: str  # interval, sample or session
    scope: str
    value: str
    whole: bool = False  # an int64, so a string in JSON
    has_ids: bool = True
    webhook: bool = True

    @property
    def snake(self) -> str:
        """Its name in filters."""
        return self.kebab.replace("-", "_")

    @property
    def camel(self) -> str:
        """Its name in JSON."""
        first, *rest = self.kebab.split("-")
        return first + "".join(word.capitalize() for word in rest)

    @property
    def page_sizes(self) -> tuple[int, int]:
        """Default and maximum."""
        return (25, 25) if self.kebab == "sleep" else (1440, 10_000)


F, I = "floatPoint", "integer"  # noqa: E741 - two columns of the table below
FIT_TYPES: Final = {
    each.name: each
    for each in (
        FitType("com.google.step_count.delta", "activity", "estimated_steps", (("steps", I),)),
        FitType("com.google.weight", "body", "merge_weight", (("weight", F),)),
        FitType("com.google.body.fat.percentage", "body", "merged", (("percentage", F),)),
        FitType(SEGMENT, "sleep", "merged", (("sleep_segment_type", I),)),
        FitType(
            "com.google.blood_pressure",
            "blood_pressure",
            "merged",
            (
                ("blood_pressure_systolic", F),
                ("blood_pressure_diastolic", F),
                ("body_position", I),
                ("blood_pressure_measurement_location", I),
            ),
        ),
        FitType(
            "com.google.blood_glucose",
            "blood_glucose",
            "merged",
            (
                ("blood_glucose_level", F),
                ("temporal_relation_to_meal", I),
                ("meal_type", I),
                ("temporal_relation_to_sleep", I),
                ("blood_glucose_specimen_source", I),
            ),
        ),
        FitType(HEART_RATE, "heart_rate", "merge_heart_rate_bpm", (("bpm", F),)),
        FitType(
            "com.google.body.temperature",
            "body_temperature",
            "merged",
            (("body_temperature", F), ("body_temperature_measurement_location", I)),
        ),
        FitType(
            "com.google.oxygen_saturation",
            "oxygen_saturation",
            "merged",
            (
                ("oxygen_saturation", F),
                ("supplemental_oxygen_flow_rate", F),
                ("oxygen_therapy_administration_mode", I),
                ("oxygen_saturation_system", I),
                ("oxygen_saturation_measurement_method", I),
            ),
        ),
    )
}
METRICS: Final = "health_metrics_and_measurements"
HEALTH_TYPES: Final = {
    each.kebab: each
    for each in (
        HealthType("steps", "interval", "activity_and_fitness", "count", whole=True, has_ids=False),
        HealthType("weight", "sample", METRICS, "weightGrams"),
        HealthType("body-fat", "sample", METRICS, "percentage"),
        HealthType("sleep", "session", "sleep", ""),
        HealthType("blood-glucose", "sample", METRICS, "bloodGlucoseMilligramsPerDeciliter"),
        HealthType("heart-rate", "sample", METRICS, "beatsPerMinute", whole=True, has_ids=False),
        HealthType("core-body-temperature", "sample", METRICS, "temperatureCelsius", webhook=False),
        HealthType(
            "oxygen-saturation", "sample", METRICS, "percentage", has_ids=False, webhook=False
        ),
    )
}
FIT_SCOPES: Final = tuple(
    f"{FITNESS}{stem}.read" for stem in dict.fromkeys(each.scope for each in FIT_TYPES.values())
)
HEALTH_SCOPES: Final = tuple(
    f"{GOOGLEHEALTH}{stem}.readonly"
    for stem in dict.fromkeys(each.scope for each in HEALTH_TYPES.values())
)
IDENTITY_SCOPES: Final = {
    "openid": "openid",
    "email": "https://www.googleapis.com/auth/userinfo.email",
    "profile": "https://www.googleapis.com/auth/userinfo.profile",
}
