"""The language model that writes semantic IDs: prefill, beam search, text decoding, adapters."""
