"""Routes of the person's own days, and of the order in which their sources count."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from vitalkeep.base import clock
from vitalkeep.base.db import Connection
from vitalkeep.base.errors import Forbidden, InvalidRequest, Unauthenticated, problems
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.persons.access import SignedInPerson
from vitalkeep.records.published import json_answer
from vitalkeep.records.routes import json_response
from vitalkeep.records.schemas import RecordQuery, known_types
from vitalkeep.summaries import cache
from vitalkeep.summaries.compute import View
from vitalkeep.summaries.priority import find_priority, save_priority
from vitalkeep.summaries.schemas import (
    DEFAULT_DAYS,
    MAX_DAYS,
    DayQuery,
    DayQueryParameters,
    SourceOrder,
    to_order,
)

router = APIRouter(tags=["days"])
SIGNED_IN = problems(Unauthenticated, Forbidden)


@router.get(
    "/v1/me/days",
    response_class=Response,
    responses={
        **json_answer("DayPage", "Days that have data"),
        **SIGNED_IN,
        **problems(InvalidRequest),
    },
)
async def list_days(
    person: SignedInPerson, connection: Connection, wanted: DayQueryParameters
) -> Response:
    """The person's daily summaries, at most 400 days; a day without data is absent.

    Each record counts on the local date that it was had on: by its own offset, else in the
    person's time zone; sleep on the date of waking.
    """
    types = known_types(RecordQuery(type=wanted.type))
    first, last = to_dates(wanted, person.time_zone)
    priority = await find_priority(connection, person.person_id, person.key)
    view = View(person.person_id, person.key, person.time_zone, priority)
    days = await cache.list_days(connection, view, types, first, last)
    found = [days[key] for key in sorted(days, key=lambda key: (key[0], BY_NUMBER[key[1]].name))]
    return json_response(b'{"days":[' + b",".join(found) + b"]}")


def to_dates(wanted: DayQuery, time_zone: str) -> tuple[date, date]:
    """The first and the last date asked for. Raises InvalidRequest."""
    last = wanted.last or clock.now().astimezone(ZoneInfo(time_zone)).date()
    first = wanted.first or last - DEFAULT_DAYS
    if first > last:
        raise InvalidRequest(
            "`from` has to be no later than `to`, which is today by default.",
            errors=[{"pointer": "/from", "code": "after_to"}],
        )
    if last - first >= timedelta(days=MAX_DAYS):
        raise InvalidRequest(
            f"Ask for at most {MAX_DAYS} days at a time.",
            errors=[{"pointer": "/from", "code": "too_many_days"}],
        )
    return first, last


@router.get("/v1/me/source-priority", response_model_exclude_none=True, responses=SIGNED_IN)
async def get_source_priority(person: SignedInPerson, connection: Connection) -> SourceOrder:
    """The order that the person chose; an empty list is the default one."""
    return to_order(await find_priority(connection, person.person_id, person.key))


@router.put(
    "/v1/me/source-priority",
    response_model_exclude_none=True,
    responses={**SIGNED_IN, **problems(InvalidRequest)},
)
async def update_source_priority(
    person: SignedInPerson, connection: Connection, order: SourceOrder
) -> SourceOrder:
    """Choose whose record counts where two have measured at the same time; of all days, past ones
    too. An empty list restores the default.
    """
    await save_priority(connection, person, order.to_priority())
    return order
