"""Declared sources of text → a corpus of passages: read, cleaned, cut, de-duplicated, decontaminated, all streamed."""
