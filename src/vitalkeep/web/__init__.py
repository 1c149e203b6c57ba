"""Pages for people: leaving from a browser, without the app.

No tables: a link's spending is the person's `token_epoch`. Promises pages that work without script,
in Japanese and English, that keep nothing readable in the browser and nothing at all at the end.
"""
