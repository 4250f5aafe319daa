"""ImproMed and Infinity through the same bridge; nothing about them is published beyond that (pims-formats 2c)."""

from dataclasses import replace

from pims_sync.vendors.avimark import AVIMARK

IMPROMED = replace(AVIMARK, vendor="impromed")
