"""The drawn worlds behind `signs`, `emblems`, `gauges` and `scenes`: plates, landscapes, light.

May import `inputs`; may not import data sets, which import it.
"""
