"""Serve a finished run: townships, gaps, layers, service areas and the map."""
