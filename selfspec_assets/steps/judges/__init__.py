"""Refining steps that a recipe adds by name (``steps: [copied_input, …]``)."""
