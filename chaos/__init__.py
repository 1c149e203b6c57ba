"""Kills the server and PostgreSQL in mid-push, and looks whether every promise was kept."""
