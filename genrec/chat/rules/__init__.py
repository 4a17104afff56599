"""The rules that read a chat message where no language model does."""
