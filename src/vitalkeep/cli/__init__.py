"""The command line: serving, setting up, keys, certificates, the demo.

Owns no table. Promises that every command has a `--json` answer, a clear error and an exit code.
"""
