"""The zero-install stack: every server and service of Vetwire as plain processes of one machine."""
