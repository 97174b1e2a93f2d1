"""Rows to CSV, CSV to a sealed archive."""
