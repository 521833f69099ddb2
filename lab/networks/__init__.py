"""Preprocessing, backbone and head made one network; weights in and out; what it looks at.

May import backbones, heads, channels, layers, probes, records; may not import training and runs.
"""
