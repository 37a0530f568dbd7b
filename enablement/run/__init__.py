"""Notebooks become results: reports, dashboards and batches."""
