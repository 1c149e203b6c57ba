"""Who looked: one event for each type that somebody else read, in the transaction of the read.

Table: access_events. Promises that the person can see every one of them, and that none holds a
value.
"""
