"""The language model that writes semantic IDs: prompts read, beams searched, texts decoded, adapters."""
