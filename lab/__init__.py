"""A lab that compares, fairly, the ways to transfer a pretrained network."""

__version__ = "0.1.0"
