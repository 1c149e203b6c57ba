"""What was allowed: policies, the ledger of consent events, and the consents now in force.

Tables: policies, consent_events, consents. Promises that the ledger is only appended to, that a
consent belongs to one scope, one purpose and one recipient, and that a withdrawal has taken effect
when its answer arrives.
"""
