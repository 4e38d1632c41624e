"""Models that give vectors or scores: one module each with the commands that differ from those of a model that generates text."""
