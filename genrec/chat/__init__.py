"""Conversation: sessions, requests understood, turns answered."""
