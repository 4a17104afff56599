"""The chat page: its files, and the few routes it needs beyond the shop's own."""
