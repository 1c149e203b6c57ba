"""Under which consent an app may send a record: a condition of the statements that need it."""

from typing import Final

COLLECT_IN_FORCE: Final = """EXISTS (
        SELECT FROM consents c
        WHERE c.person_id = {person} AND c.type = u.type AND c.action = 'collect'
          AND c.recipient_id = {client} AND c.state = 'active'
          AND (c.valid_until IS NULL OR c.valid_until > {now})
          AND (c.data_from IS NULL OR c.data_from <= u.start_time)
          AND (c.data_until IS NULL OR c.data_until > u.start_time))"""
"""For rows `u` with a type and a start; `person`, `client` and `now` name columns or parameters."""
