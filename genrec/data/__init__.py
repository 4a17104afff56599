"""Sources in, catalog and interactions out: readers, storage, splits, filters, and the demo shop."""
