"""What a person is owed: all of their data, whole and in a form that others can read.

Owns no table. Promises that an export holds every record of the moment it began exactly once, or
shows by its missing end that it was cut off.
"""
