"""vitalkeep: a health-data sync backend that checks consent on every read and proves deletion."""

__version__ = "0.1.0"
