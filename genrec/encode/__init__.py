"""Encoders that turn pictures, words and sounds into unit vectors, and the fusers that join them."""
