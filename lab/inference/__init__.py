"""Finished runs used: predictions of files and rows, masks as files, large rasters, ensembles.

May import runs and all below; may not import exports and commands.
"""
