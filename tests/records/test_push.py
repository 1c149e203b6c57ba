from tests.make import Make


async def test_a_pushed_record_is_created_and_the_same_again_is_unchanged(make: Make) -> None:
    person = await make.person()
    record = make.record("steps")
    assert await person.statuses(record) == ["created"]
    assert await person.statuses(record) == ["unchanged"]
