"""The operators' command: `python -m ops.vetwire --help`."""
