"""Pure functions from somebody else's JSON to our records, converting at the edge by declared unit.

Promise: a refusal points into the JSON that the sender sent, in the sender's own words.
"""
