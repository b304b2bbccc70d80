"""A package of somebody else that adds one thing at each door of minecover."""
