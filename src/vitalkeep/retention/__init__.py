"""How long what is kept, on which ground, and how it leaves the disk. No tables of its own.

Promise: what is past its time goes without being asked for, and nothing goes before.
"""
