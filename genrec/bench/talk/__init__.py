"""Scripted conversations with known right answers, and how a recommender that talks fares in them."""
