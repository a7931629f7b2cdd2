"""What is private to Ray and used or replaced here: all of it, and nowhere else.

`start`: how a Ray begins and ends. `tune`: Ray Tune while a search runs. `train`: Ray Train under a
group of workers. `names`: every name of Ray's that these need, and why; a new version of Ray is
tried with `pytest tests/cluster/ray_internals/test_names.py`, which tells what has changed.
"""
