"""Pulse and eVetPractice, both hosted, through the same bridge (pims-formats 2d)."""

from dataclasses import replace

from pims_sync.vendors.avimark import AVIMARK

PULSE = replace(AVIMARK, vendor="pulse", fallback_encoding=None)
EVETPRACTICE = replace(PULSE, vendor="evetpractice")
