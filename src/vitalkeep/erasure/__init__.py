"""Leaving: one transaction deletes every row of a person, and a signed certificate says so.

Table: erasures. Promises that the tables to empty come from the columns' own declarations and
that a deactivation which leaves a row behind does not commit.
"""
