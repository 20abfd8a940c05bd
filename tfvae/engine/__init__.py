"""The training engine. It works on objectives and knows no model family."""
