"""The demo shop: a small procedural world whose truth is known."""
