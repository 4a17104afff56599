"""How the language model is tuned: examples, distillation from the item scorer, LoRA, memory saved."""
