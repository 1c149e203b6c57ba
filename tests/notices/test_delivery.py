"""Sending notices: at least once, with the same id, ever more rarely, and not for ever."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from tests.base.names import Resolver
from tests.care.sql import run_sql
from tests.make import Make
from tests.notices.receiving import Desk
from vitalkeep.base import clock
from vitalkeep.base.sealing import SealBroken
from vitalkeep.notices import delivery
from vitalkeep.notices.endpoints import Recipient, get_endpoint, open_secret, remove_endpoint
from vitalkeep.notices.outbox import Content, outcomes, queue


def closed() -> Content:
    return Content([uuid4()])


@pytest.mark.parametrize("status", [200, 204, 299])
async def test_any_2xx_is_delivery_and_ends_it(desk: Desk, status: int) -> None:
    receiver = await desk.organization()
    receiver.answers = [status]
    notice_id = await desk.queue(receiver.recipient, "case.closed", closed())
    assert await desk.deliver() >= 1
    row = await desk.row(notice_id)
    assert (row.state, row.attempts, row.last_status) == ("delivered", 1, status)
    assert row.ended_at is not None
    await desk.deliver()
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [199, 301, 307, 400, 404, 429, 500, 503])
async def test_anything_else_is_tried_again_later_with_the_same_id(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    receiver = await desk.organization()
    receiver.answers = [status, 204]
    notice_id = await desk.queue(receiver.recipient, "case.closed", closed())
    await desk.deliver()
    await desk.deliver()
    row = await desk.row(notice_id)
    assert (row.state, row.attempts, row.last_status) == ("pending", 1, status)
    assert len(receiver.requests) == 1
    monkeypatch.setattr(clock, "now", lambda: row.next_attempt_at)
    await desk.deliver()
    assert (await desk.row(notice_id)).state == "delivered"
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.content == second.content


async def test_pauses_grow_and_after_seven_days_it_is_given_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = await desk.organization()
    receiver.answers = [500]
    notice_id = await desk.queue(receiver.recipient, "person.erased", Content(erasure_id=uuid4()))
    row = await desk.row(notice_id)
    begun, pauses = row.created_at, []
    while row.state == "pending":
        now = row.next_attempt_at
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        await desk.deliver()
        row = await desk.row(notice_id)
        pauses.append(row.next_attempt_at - now)
    assert (row.state, row.last_status, row.ended_at) == (
        *("failed", 500), begun + timedelta(days=7),
    )  # fmt: skip
    assert row.attempts == len(receiver.requests) == len(pauses)
    for number, pause in enumerate(pauses[:-2]):
        usual = min(timedelta(seconds=30) * 2**number, timedelta(hours=6))
        assert usual / 2 <= pause <= usual * 1.5
    async with desk.make.fastapi.state.engine.begin() as connection:
        (told,) = await outcomes(connection, row.erasure_id)
    assert (told.recipient, told.state, told.attempts, told.last_status, told.ended_at) == (
        *(receiver.recipient, "failed", row.attempts, 500), row.ended_at,
    )  # fmt: skip


def test_pauses_differ_so_that_receivers_are_not_called_all_at_once() -> None:
    assert len({delivery.pause(3) for _ in range(20)}) > 10


async def test_410_disables_the_endpoint_until_it_is_named_again(desk: Desk) -> None:
    receiver = await desk.organization()
    receiver.answers = [410, 204]
    gone = await desk.queue(receiver.recipient, "case.closed", closed())
    await desk.deliver()
    row = await desk.row(gone)
    assert (row.state, row.last_status) == ("failed", 410)
    async with desk.make.fastapi.state.engine.begin() as connection:
        assert (await get_endpoint(connection, receiver.recipient)).state == "disabled"
    assert await desk.queue(receiver.recipient, "case.closed", closed()) is None
    again = await desk.receiver(receiver.recipient.id)
    notice_id = await desk.queue(receiver.recipient, "case.closed", closed())
    await desk.deliver()
    assert (await desk.row(notice_id)).state == "delivered"
    assert again.secret != receiver.secret
    assert len(again.read()) == 1


async def test_what_waits_for_an_endpoint_that_was_removed_is_given_up_unsent(desk: Desk) -> None:
    receiver = await desk.organization()
    notice_id = await desk.queue(receiver.recipient, "case.closed", closed())
    async with desk.make.fastapi.state.engine.begin() as connection:
        await remove_endpoint(connection, receiver.recipient)
    await desk.deliver()
    row = await desk.row(notice_id)
    assert (row.state, row.last_status, receiver.requests) == ("failed", None, [])


async def test_a_name_that_leads_inside_by_now_is_not_called(desk: Desk, names: Resolver) -> None:
    receiver = await desk.organization()
    names.answers[receiver.host] = [["169.254.169.254"]]
    notice_id = await desk.queue(receiver.recipient, "case.closed", closed())
    await desk.deliver()
    row = await desk.row(notice_id)
    assert (row.state, row.attempts, row.last_status) == ("pending", 1, None)
    assert receiver.requests == []


async def test_many_workers_at_once_send_each_notice_once(desk: Desk) -> None:
    receiver = await desk.organization()
    made = [await desk.queue(receiver.recipient, "case.closed", closed()) for _ in range(45)]
    state = desk.make.fastapi.state
    desk.web.route(name="others").respond(503)
    await asyncio.gather(
        *(
            delivery.deliver_due(state.engine, lambda: state.keyring, allow_private=False)
            for _ in range(3)
        )
    )
    assert sorted(receiver.ids()) == sorted(f"msg_{each.hex}" for each in made if each)
    assert len(made) == 45


async def test_what_a_dead_worker_had_claimed_is_sent_by_another_a_minute_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = await desk.organization()
    notice_id = await desk.queue(receiver.recipient, "case.closed", closed())
    state = desk.make.fastapi.state
    held = [
        each
        for _ in range(10)
        for each in await delivery.claim(state.engine)
        if each.message.notice_id == notice_id
    ]
    assert len(held) == 1
    await desk.deliver()
    assert receiver.requests == []
    later = clock.now() + timedelta(seconds=61)
    monkeypatch.setattr(clock, "now", lambda: later)
    await desk.deliver()
    assert (await desk.row(notice_id)).state == "delivered"
    # The dead one was only slow: its failure takes nothing back.
    receiver.answers = [500]
    assert not await delivery.attempt(state.engine, state.keyring, held[0], allow_private=False)
    row = await desk.row(notice_id)
    assert (row.state, row.attempts, len(set(receiver.ids()))) == ("delivered", 2, 1)


async def test_ended_notices_are_forgotten_after_thirty_days(desk: Desk) -> None:
    receiver, engine = await desk.organization(), desk.make.fastapi.state.engine
    delivered = await desk.queue(receiver.recipient, "case.closed", closed())
    await desk.deliver()
    waiting = await desk.queue(receiver.recipient, "case.closed", closed())
    ended = (await desk.row(delivered)).ended_at
    await delivery.purge_ended(engine, ended + timedelta(days=30, microseconds=-1))
    assert await desk.row(delivered) is not None
    assert await delivery.purge_ended(engine, ended + timedelta(days=30)) >= 1
    assert await desk.row(delivered) is None
    assert await desk.row(waiting) is not None


async def test_a_notice_of_what_was_rolled_back_is_never_sent(desk: Desk) -> None:
    receiver = await desk.organization()
    async with desk.make.fastapi.state.engine.connect() as connection:
        begun = await connection.begin()
        assert await queue(connection, receiver.recipient, "case.closed", closed())
        await begun.rollback()
    await desk.deliver()
    assert receiver.requests == []


async def test_a_secret_that_was_moved_to_another_signs_nothing_and_holds_up_nobody(
    desk: Desk, make: Make
) -> None:
    thief, victim = await desk.organization(), await desk.organization()
    moved = (
        "UPDATE notice_endpoints t SET sealed_secret = v.sealed_secret FROM notice_endpoints v "
        "WHERE t.recipient_id = :thief AND v.recipient_id = :victim RETURNING t.sealed_secret"
    )
    ids = {"thief": thief.recipient.id, "victim": victim.recipient.id}
    ((sealed,),) = await run_sql(make.fastapi, moved, **ids)
    assert open_secret(make.fastapi.state.keyring, victim.recipient, sealed) == victim.secret
    assert victim.secret.encode() not in sealed
    stuck = await desk.queue(thief.recipient, "case.closed", closed())
    notice_id = await desk.queue(victim.recipient, "case.closed", closed())
    with pytest.raises(SealBroken):
        await desk.deliver()
    assert (await desk.row(notice_id)).state == "delivered"
    assert thief.requests == []
    await run_sql(make.fastapi, "DELETE FROM notices WHERE notice_id = :id", id=stuck)


async def test_an_erasure_is_told_whom_it_could_not_tell(desk: Desk, make: Make) -> None:
    receiver = await desk.organization()
    nowhere = Recipient("organization", await make.organization())
    erasure_id, case_id = uuid4(), uuid4()
    content = Content([case_id], erasure_id=erasure_id)
    for recipient in (receiver.recipient, nowhere):
        await desk.queue(recipient, "person.erased", content)
    await desk.deliver()
    async with make.fastapi.state.engine.begin() as connection:
        found = {each.recipient: each for each in await outcomes(connection, erasure_id)}
        assert await outcomes(connection, uuid4()) == []
    assert {recipient: each.state for recipient, each in found.items()} == {
        receiver.recipient: "delivered",
        nowhere: "no_endpoint",
    }
    assert found[nowhere].attempts == 0
    rows = await desk.rows("erasure_id = :id AND state = 'no_endpoint'", id=erasure_id)
    assert [row.case_ids for row in rows] == [[]]
