"""What a message means: words are linked to the catalog, a small model says what is said of them, checks have the last
word."""
