"""A made-up world: invented people, phones and organizations for `vitalkeep dev` and `demo`.

Promise: the same seed gives the same world, and nothing in it belongs to a real person or maker.
"""
