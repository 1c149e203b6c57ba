"""Days: what a person's records of one type come to on each local date.

Tables: source_priorities; day_summaries (in `records`, which empties it) is filled here. Promises
that a day that was kept is what computing it now would give, that what two sources measured at the
same time counts once, and that days of 23 and 25 hours come out right. docs/summaries.md has the
rules.
"""
