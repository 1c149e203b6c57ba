"""Measures the budgets of the design, each against its yardstick in the same run."""
