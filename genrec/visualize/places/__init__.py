"""Places of the made world: how they are called, planned and drawn."""
