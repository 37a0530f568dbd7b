"""What is odd about an export, how much it moves the headline, and what it keeps from being said."""

from enablement.read.findings.effects import effects, headline

__all__ = ["effects", "headline"]
