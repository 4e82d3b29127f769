"""A day of payment events with a duplicate incident in it, as bronze files with ground truth."""
