"""Cornerstone through the same bridge: the same files, always UTF-8 (pims-formats 2a)."""

from dataclasses import replace

from pims_sync.vendors.avimark import AVIMARK

CORNERSTONE = replace(AVIMARK, vendor="cornerstone", fallback_encoding=None)
