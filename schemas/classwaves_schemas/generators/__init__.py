"""The contracts in other languages, each a text made from the models and tables."""
