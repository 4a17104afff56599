"""Claims about why an item suits a person: what may be said, how it is said, and the check of what was said."""
