"""The only files that speak to the API server."""
