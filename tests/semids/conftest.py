"""Tiny networks gain nothing from several threads, and wait for each other on a busy machine."""

import torch

torch.set_num_threads(1)
