"""Trees that segment behaviour: a random forest, and XGBoost."""
