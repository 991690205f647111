"""Where jobs run. An engine knows nothing of training, of Optuna or of MLflow."""
