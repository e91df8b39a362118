"""The pages of a board, one module each."""
