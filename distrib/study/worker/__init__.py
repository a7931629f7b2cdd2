"""What runs in the processes of trials, alone or as a group of workers."""
