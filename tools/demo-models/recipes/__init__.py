"""One module per demo model."""
