"""Files that start a cluster, and what is found of the cluster they started."""
