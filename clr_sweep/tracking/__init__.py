"""What the study did, shown in MLflow: a view that can be made again from what is stored."""
