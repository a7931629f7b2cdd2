"""How much is tested on where nobody says otherwise; no imports: the commands' help says it."""

from __future__ import annotations

TEST_FRACTION = 0.15
"""Share of the groups that is set aside for the test."""
