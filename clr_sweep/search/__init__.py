"""The study: what is sampled, where it is stored and when a trial is pruned. Optuna alone."""
