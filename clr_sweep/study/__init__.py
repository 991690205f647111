"""A study while it runs: the loop, what comes before and after it, what MLflow is told."""
