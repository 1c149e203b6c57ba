"""The data: health records, sealed, each with the source it came from.

Tables: records, sources, day_summaries (filled by `summaries`, emptied here). Promises that nothing
is stored without a consent in force, that sending again changes nothing, that every pushed record
gets its own verdict, and that what was acknowledged is durable.
"""
