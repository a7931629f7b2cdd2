"""What leads a study: the search loop, Ray Tune around it, the winner's last training."""
