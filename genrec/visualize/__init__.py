"""Draws the recommended item for one person."""
