"""One module per data type, each the only place that states the facts of its type."""
