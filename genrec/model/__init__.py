"""The models: the language model that writes semantic IDs, the sequence model over whole items, their training."""
