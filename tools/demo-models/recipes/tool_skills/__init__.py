"""What the tools model is taught: to call the tools that it is offered, and to answer from what they say."""
