"""scenery."""
