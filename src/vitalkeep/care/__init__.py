"""Others read, under consent: organizations invite, persons accept, staff read through a case.

Tables: invitations, cases, case_staff, case_handles. Promises that `reading` is the only way to
another person's data, and that staff never hold a person's id: the case id is their handle.
"""
