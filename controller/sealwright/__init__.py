"""Sealwright signs, verifies and gates what Tekton builds."""

__version__ = "0.1.0"
