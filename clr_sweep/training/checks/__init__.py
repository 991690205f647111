"""What is wrong with data, model, loss and metrics, found before a step is taken."""
