"""Python's collector of cycles, set for processes that allocate much and make next to no cycles."""

import gc

_ALLOCATIONS = 50_000


def settle() -> None:
    """To be called once, when everything that lives as long as the process is there.

    It is never looked at again; and as thousands of events live for the length of a window, which the collector counts
    as growth, it looks rarely: with Python's defaults decoding a window took up to four times as long.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, *gc.get_threshold()[1:])
