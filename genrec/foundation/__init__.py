"""The shipped tiny foundation models and the code that trains them."""
