"""Leaving: one transaction deletes every row of a person, and a signed certificate says so.

Tables: erasures; pending_requests and request_papers of the operator's desk. Promises that the
tables to empty come from the columns' own declarations and that a deactivation which leaves a row
behind does not commit.
"""
