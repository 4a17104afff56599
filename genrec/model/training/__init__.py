"""Tuning of the language model: examples, distillation from the item scorer, LoRA, memory saved."""
