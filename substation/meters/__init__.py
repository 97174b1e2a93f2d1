"""A meter model: its register map, words to numbers, requests, doubt.

Pure: reading in, result out; no file but the profiles, no clock, no bus.
"""
