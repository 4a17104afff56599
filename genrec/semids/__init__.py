"""Semantic IDs: quantizers, the bijective table and the trie."""
