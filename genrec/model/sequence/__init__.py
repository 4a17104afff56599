"""The sequence model over whole items: SASRec and BSARec, trained, stored, and joined into an ensemble."""
