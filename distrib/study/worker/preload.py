"""What the processes of a study's own Ray import as they start, before there is anything to do.

Ray does that by the name of this module; nobody else should import it.
"""

from distrib.study.worker import tasks, trial_actor
from distrib.trainables import preimport as ahead

__all__ = ["tasks", "trial_actor"]

ahead.begin()
