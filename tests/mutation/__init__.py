"""Mutation testing: small wrong changes to the code that decides and the code that remembers, each caught by a test."""
