"""The language model that writes semantic IDs: vocabulary, examples, tuning, decoding, adapters."""
