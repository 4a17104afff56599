"""The server: api/ answers requests, inference/ reaches the models, store/ holds what lasts, page/ is the chat page."""
