"""Google accounts that persons connect, and pulling their records from them.

Tables: pending_authorizations, connections, connection_types. Promises that what is pulled goes
through the same door as a push, that a type without a consent in force is not even asked for, that
one broken type stops no other, and that tokens lie sealed under the person's key and end with them.
"""
