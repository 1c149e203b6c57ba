"""Tickets: nobody makes one up, and one of a kind is none of another."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from vitalkeep.base.keys import DirectoryKeyring
from vitalkeep.web.tickets import open_ticket, seal_ticket

MINUTE = timedelta(minutes=1)


def test_a_ticket_opens_as_what_it_is_and_says_nothing_closed(keyring: DirectoryKeyring) -> None:
    one, same = (seal_ticket(keyring, "link", {"person": "sakura"}, MINUTE) for _ in range(2))
    assert open_ticket(keyring, "link", one) == {"person": "sakura"}
    assert one != same
    assert open_ticket(keyring, "session", one) is None
    assert open_ticket(keyring, "link", seal_ticket(keyring, "link", {}, -MINUTE)) is None


@given(text=st.text(max_size=80))
def test_whatever_else_is_no_ticket(keyring: DirectoryKeyring, text: str) -> None:
    assert open_ticket(keyring, "session", text) is None
