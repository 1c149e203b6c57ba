"""Google accounts that persons connect, and pulling their records from them.

Tables: pending_authorizations, connections, connection_types, google_identities, refetches.
Promises that what is pulled goes through the same door as a push, that a type without a consent in
force is not even asked for, that one broken type stops no other, that tokens lie sealed under the
person's key and end with them, and that a notification answered 204 is read again until it is done.
"""
