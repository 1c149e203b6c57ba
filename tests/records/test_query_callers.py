"""Who reads records: each caller has proven, in its own way, that its reader may."""

from pathlib import Path

from tests.test_architecture import PACKAGE, imported_modules, read_all

CALLERS = {
    "records/routes.py": "the person's own records",
    "records/changes.py": "the person's own feed",
    "records/snapshot.py": "the person's own export",
    "records/schemas.py": "only the bounds of a period",
    "care/reading.py": "the one door for others, behind consent and written down",
    "care/reading_days.py": "the same door, for days",
    "care/one_record.py": "the place of one record, which the door then reads",
    "fhir/parameters.py": "only the bounds of a period",
    "fhir/search.py": "only places in the door's pages",
    "summaries/compute.py": "the person's own days; for others within the window they may read",
    "summaries/cache.py": "all of the person's own records, as a window",
}


def test_only_those_who_have_to_read_records() -> None:
    found = {
        source.path
        for source in read_all(PACKAGE, Path(PACKAGE))
        if source.path != "records/query.py"
        and any(
            f"{module}.".startswith("vitalkeep.records.query.")
            for module in imported_modules(source.tree)
        )
    }
    assert found == set(CALLERS)
