"""The API server: what comes over the wire, who may ask, and what is kept."""
