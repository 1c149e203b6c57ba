"""Routes under /fhir/R4, for staff: Patient, Observation and Consent, read and searched."""

from collections.abc import Sequence

import orjson
from fastapi import APIRouter, Depends, Request, Response

from vitalkeep.base.db import Connection
from vitalkeep.base.errors import (
    ConsentMissing,
    Forbidden,
    InvalidCursor,
    NotFound,
    Unauthenticated,
    problems,
)
from vitalkeep.base.keys import Keyring
from vitalkeep.base.paging import read_place, sign, unsign, write_place
from vitalkeep.base.settings import Settings
from vitalkeep.care.cases import get_case, list_cases
from vitalkeep.care.one_record import get_case_record
from vitalkeep.care.reading_denied import DENIALS
from vitalkeep.fhir.bundles import CURSOR, Links, searchset, to_entry
from vitalkeep.fhir.capability import SEARCHES, capability_statement
from vitalkeep.fhir.consents import get_agreed, list_agreed, to_consent
from vitalkeep.fhir.identifiers import split_ids
from vitalkeep.fhir.outcomes import BASE_PATH, MEDIA_TYPE, InvalidSearch, NotAcceptable
from vitalkeep.fhir.parameters import (
    Query,
    read_count,
    read_id,
    read_patient,
    read_query,
    require_json,
    to_uuid,
)
from vitalkeep.fhir.patients import to_patient
from vitalkeep.fhir.published import answers, searched_by
from vitalkeep.fhir.search import PARAMETERS, of_case, read_search, search_observations
from vitalkeep.persons.access import SignedInStaff


async def require_form(request: Request) -> None:
    """Refuses who takes no JSON, before anything is read. Raises NotAcceptable."""
    require_json(request.query_params, request.headers.get("accept", ""))


router = APIRouter(prefix=BASE_PATH, tags=["fhir"], dependencies=[Depends(require_form)])
READ = problems(Unauthenticated, Forbidden, NotFound, NotAcceptable)
SEARCH = {**READ, **problems(InvalidSearch, InvalidCursor)}
PAGE = {"_count": "Entries a page, 100 unless told, at most 1,000.", CURSOR: "As in a next link."}


def public_url_of(request: Request) -> str:
    """Where the deployment is reached: as the operator says, else as this caller did."""
    settings: Settings = request.app.state.settings
    is_told = "public_url" in settings.model_fields_set
    return (settings.public_url if is_told else str(request.base_url)).rstrip("/")


def base_of(request: Request) -> str:
    """The URL at which the deployment's FHIR API is published."""
    return public_url_of(request) + BASE_PATH


def resource_response(resource: object) -> Response:
    """A resource, as bytes or not yet."""
    content = resource if isinstance(resource, bytes) else orjson.dumps(resource)
    return Response(content, media_type=MEDIA_TYPE)


def query_of(request: Request, known: Sequence[str]) -> Query:
    """The parameters of a search that are understood. Raises InvalidSearch."""
    return read_query(request.query_params, known, request.headers.get("prefer", ""))


@router.get(
    "/metadata",
    response_class=Response,
    responses={**answers("CapabilityStatement", "What can be read"), **problems(NotAcceptable)},
)
async def get_capability_statement(request: Request) -> Response:
    """What this server reads as FHIR R4, and by what it can be searched. For everybody."""
    return resource_response(capability_statement(base_of(request)))


@router.get(
    "/Patient",
    response_class=Response,
    responses={**answers("Bundle", "Patients"), **SEARCH},
    openapi_extra=searched_by(_id="The case.", **PAGE),
)
async def search_patients(
    request: Request, staff: SignedInStaff, connection: Connection
) -> Response:
    """The open cases that the staff member works on, as Patients."""
    keyring: Keyring = request.app.state.keyring
    query = query_of(request, [*SEARCHES["Patient"], "_count", CURSOR])
    list_of = "fhir.Patient", str(staff.staff_id)
    page = await list_cases(
        connection,
        keyring,
        staff,
        case_id=read_id(query),
        after=read_place(keyring, *list_of, query.text(CURSOR)),
        limit=read_count(query),
    )
    following = page.following and write_place(keyring, *list_of, page.following)
    links = Links(base_of(request), "Patient", query.used, following)
    return resource_response(searchset(links, [to_entry(to_patient(case)) for case in page.cases]))


@router.get(
    "/Patient/{patient_id}",
    response_class=Response,
    responses={**answers("Patient", "The case"), **READ},
)
async def read_fhir_patient(
    request: Request, staff: SignedInStaff, connection: Connection, patient_id: str
) -> Response:
    """One case, as a Patient."""
    keyring: Keyring = request.app.state.keyring
    case = await get_case(connection, keyring, staff, to_uuid(patient_id))
    return resource_response(to_patient(case))


@router.get(
    "/Observation",
    response_class=Response,
    dependencies=DENIALS,
    responses={
        **answers("Bundle", "Observations by start, oldest first"),
        **SEARCH,
        **problems(Forbidden, ConsentMissing),
    },
    openapi_extra=searched_by(
        patient="The case: `Patient/{id}` or its id.",
        **{name: said for name, (_, said) in SEARCHES["Observation"].items() if name != "patient"},
        **PAGE,
    ),
)
async def search_fhir_observations(
    request: Request, staff: SignedInStaff, connection: Connection
) -> Response:
    """What the person agreed to show for a case; the look is written down for them."""
    keyring: Keyring = request.app.state.keyring
    query = query_of(request, PARAMETERS)
    found = await search_observations(connection, keyring, staff, read_search(query, keyring))
    links = Links(base_of(request), "Observation", query.used, found.following)
    return resource_response(searchset(links, found.entries))


@router.get(
    "/Observation/{observation_id}",
    response_class=Response,
    dependencies=DENIALS,
    responses={**answers("Observation", "The record"), **READ},
)
async def read_fhir_observation(
    request: Request, staff: SignedInStaff, connection: Connection, observation_id: str
) -> Response:
    """One record of a case, as an Observation; the look is written down for the person."""
    keyring: Keyring = request.app.state.keyring
    case_id, record_id = split_ids(observation_id)
    record = await get_case_record(connection, keyring, staff, case_id, record_id)
    return resource_response(of_case(orjson.loads(record), case_id))


@router.get(
    "/Consent",
    response_class=Response,
    responses={**answers("Bundle", "Consents in force"), **SEARCH},
    openapi_extra=searched_by(patient="The case: `Patient/{id}` or its id.", **PAGE),
)
async def search_fhir_consents(
    request: Request, staff: SignedInStaff, connection: Connection
) -> Response:
    """What the person agreed to for a case, and under which policy."""
    keyring: Keyring = request.app.state.keyring
    query = query_of(request, [*SEARCHES["Consent"], "_count", CURSOR])
    case_id = read_patient(query)
    count, cursor, list_of = read_count(query), query.text(CURSOR), ("fhir.Consent", str(case_id))
    after = "" if cursor is None else str(unsign(keyring, *list_of, cursor))
    # One for each type at most: a list that is small enough to be made in full.
    agreed = await list_agreed(connection, keyring, staff, case_id)
    entries = [to_entry(to_consent(each, public_url_of(request))) for each in agreed]
    left = sorted((each for each in entries if each.id > after), key=lambda each: each.id)
    following = sign(keyring, *list_of, left[count - 1].id) if len(left) > count else None
    links = Links(base_of(request), "Consent", query.used, following)
    return resource_response(searchset(links, left[:count]))


@router.get(
    "/Consent/{consent_id}",
    response_class=Response,
    responses={**answers("Consent", "The consent"), **READ},
)
async def read_fhir_consent(
    request: Request, staff: SignedInStaff, connection: Connection, consent_id: str
) -> Response:
    """One consent in force for a case."""
    keyring: Keyring = request.app.state.keyring
    agreed = await get_agreed(connection, keyring, staff, split_ids(consent_id))
    return resource_response(to_consent(agreed, public_url_of(request)))
