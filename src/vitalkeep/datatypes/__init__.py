"""What can be measured: the ten health data types as data, and everything that follows from them.

Owns the descriptors (`catalog`, `registry`), unit conversion (`units`), validation of what arrives
(`records`), the one stored form of it (`canonical`), its published schema (`openapi`) and the
translation of other systems' JSON (`dialects`). No tables, no network, no clock.

Promise: a new type is a new file in `catalog` and a line in `registry`; no other room changes.
Nothing here ever repeats a rejected value.
"""
