"""Records as FHIR R4 Observations, cases as Patients, consents as Consents.

Owns no table. Promises that whatever it answers has come through the door of care, that a reader
needs nothing of ours to understand values, units and times, and that nothing of a record is lost.
"""
