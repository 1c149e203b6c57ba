"""What the process counts, for Prometheus at GET /metrics. Labels never name a person."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()

REQUESTS = Counter(
    "vitalkeep_requests", "Answered requests", ["method", "route", "status"], registry=REGISTRY
)
SECONDS = Histogram(
    "vitalkeep_request_seconds", "Time to the end of the answer", ["route"], registry=REGISTRY
)
IN_WORK = Gauge(
    "vitalkeep_requests_in_work", "Requests that wait for or hold a connection", registry=REGISTRY
)
REFUSED = Counter(
    "vitalkeep_requests_refused", "Requests over what a process takes on", registry=REGISTRY
)
TASK_RUNS = Counter(
    "vitalkeep_task_runs", "Ended runs of periodic tasks", ["task", "outcome"], registry=REGISTRY
)
TASK_ROWS = Counter(
    "vitalkeep_task_rows", "Rows that periodic tasks dealt with", ["task"], registry=REGISTRY
)
OVERDUE = Gauge(
    "vitalkeep_retention_overdue_seconds",
    "For how long the oldest row that should have gone has been due",
    ["rule"],
    registry=REGISTRY,
)
RECORDS = Counter("vitalkeep_records", "Pushed records by verdict", ["status"], registry=REGISTRY)
CARE_READS = Counter("vitalkeep_care_reads", "Reads through a case", registry=REGISTRY)
CARE_REFUSALS = Counter(
    "vitalkeep_care_refusals", "Refused reads through a case", ["reason"], registry=REGISTRY
)
NOTICES = Counter(
    "vitalkeep_notices", "Notices that were delivered or given up", ["state"], registry=REGISTRY
)
NOTIFICATIONS = Counter(
    "vitalkeep_google_notifications",
    "Entries of Google Health's notifications by what became of them",
    ["outcome"],
    registry=REGISTRY,
)
ERASURES = Counter("vitalkeep_erasures", "Completed deactivations", registry=REGISTRY)


def exposition() -> bytes:
    """All metrics in the Prometheus text format."""
    return generate_latest(REGISTRY)
