"""What one sees: theme, charts and tables."""
