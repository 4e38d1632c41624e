"""Parts shared by every demo model: architecture, tokenizer, training, export and checks."""
