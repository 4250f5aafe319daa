"""The rules that no type checker knows: who may import whom, how large things get, what is in the repository."""
