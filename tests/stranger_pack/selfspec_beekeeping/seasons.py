"""A module of the distribution that the pack's reader imports."""

SEASONS = ("spring", "summer", "autumn", "winter")
