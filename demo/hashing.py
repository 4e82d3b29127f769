"""Deterministic bits from numbers: attributes of an event are functions of its number."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]


def mix(numbers: Ints, seed: int, salt: int) -> Bits:
    """Return well-mixed 64 bits per number; different numbers always give different bits."""
    # The finaliser of splitmix64 is a bijection, so ids made from it cannot collide.
    key = (seed * 0x9E3779B97F4A7C15 + salt * 0xD1B54A32D192ED03) & 0xFFFFFFFFFFFFFFFF
    bits = numbers.astype(np.uint64) ^ np.uint64(key)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def pick(numbers: Ints, choices: int, seed: int, salt: int) -> Ints:
    """Return a number from 0 to `choices` - 1 for each number."""
    return (mix(numbers, seed, salt) % np.uint64(choices)).astype(np.int64)
