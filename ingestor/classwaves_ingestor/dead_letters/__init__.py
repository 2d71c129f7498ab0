"""Dead letters: messages that the contract refuses, kept byte for byte with the reason."""
