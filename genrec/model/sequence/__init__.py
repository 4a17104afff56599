"""The sequence model over whole items: SASRec and BSARec, trained, stored, and asked as an ensemble."""
