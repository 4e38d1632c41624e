"""What the models for vectors and ranks are taught: sentences with their paraphrases, questions with their answers."""
