"""What the reward model is taught: questions with a good and a bad answer."""
