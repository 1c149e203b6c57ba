"""What every room stands on: settings, database, errors, clock, keys, sealing, logs, metrics.

Owns no table. Promises that nothing commits outside `db`, that nothing reads the clock or the
environment elsewhere, and that a sealed value opens only where it was sealed.
"""
