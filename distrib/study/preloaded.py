"""What the processes of a study's own Ray import as they start, before there is anything to do.

Ray does that by the name of this module; nobody else should import it.
"""

from distrib.study import ahead, slot, tasks

__all__ = ["slot", "tasks"]

ahead.begin()
