"""Signed messages to recipients: where they go, what they say, and what became of them.

Tables: `notice_endpoints`, `notices`. A notice is a row of the transaction that causes it, so it is
sent if and only if that happened; it says what happened by case id and never to whom or about what
values. What tells of a living person goes with them.
"""
