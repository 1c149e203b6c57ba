"""Who looked: one event for each type that somebody else read, in the transaction of the read, and
one for each read that was refused, in a transaction of its own.

Table: access_events. Promises that the person can see every one of them, and that none holds a
value.
"""
