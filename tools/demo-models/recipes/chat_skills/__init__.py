"""What the demo chat model is taught: one module per skill, each with `sample(rng, split) -> Turn`."""
