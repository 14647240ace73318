"""Presets, and the sessions that engines keep by them."""
