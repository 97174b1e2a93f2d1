"""Alarms on their way to a person: a small third process, so that the poller needs no network."""
