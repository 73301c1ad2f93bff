"""Retread keeps models in service."""
