"""Scoring a fleet: a flow over the tables of Spark, Polars and DataFusion, with the bits of ``flow score``.

``scorer`` gives an Arrow batch its scores and is all that knows the package ``flow_embedded``; ``sketch``
counts scores so that counts of parts add up to those of the whole. ``spark``, ``polars`` and ``datafusion``
each hand their rows to these two, and import nothing of each other.
"""
