"""Pairs and blinding, judges and panels, votes, statistics, the gate.

Public names are loaded on first use (PEP 562), so that `import venire.judges.statistics` pulls in nothing else.
"""
