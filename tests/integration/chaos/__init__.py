"""Processes die, stall and come back; afterwards every command, event, record, document and mail is accounted for."""
