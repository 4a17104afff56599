"""The API over the wire: bodies, answers and routes."""
