"""The domain pack: domain.yaml beside this file is all that matters."""
