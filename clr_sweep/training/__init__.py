"""Training with Keras alone: data sets, models and trials. Knows neither Optuna nor MLflow."""
