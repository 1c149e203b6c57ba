"""Who is calling: apps, persons, staff and the organizations they work for.

Tables: clients, organizations, staff, persons, person_keys, epochs, leases, sign_ins,
refresh_families. Promises that a token of somebody who has left is refused on its next use, that no
outside identity (an address, a Google id, an app's own user id) is stored in clear, and that only
`tokens` touches JWTs.
"""
