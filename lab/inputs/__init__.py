"""Bytes on disk become arrays: bands, decoding, folders and archives, tables, masks, splits; out comes a `Data`.

May import the foundations; may not import nothing that knows of data sets, tasks or networks.
"""
