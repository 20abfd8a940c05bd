"""The purposes of noise in version 1; 64 to 255 are reserved for users."""

from __future__ import annotations

NOISE_VERSION = 1

PRIOR = 0
TRAINING = 1
EVALUATION = 2
BINARISATION = 3
ORDER = 4
LIKELIHOOD = 5
SYNTHETIC = 6
LABELS = 7

MOST_LEVELS = 12
LEVELLED = (PRIOR, TRAINING, EVALUATION)

# The last step with an address, which training never reaches: there, purpose 4 draws the split of a data set, and
# purpose 3 binarises validation and test examples.
LAST_STEP = 2**40 - 1


def at_level(purpose: int, level: int) -> int:
    """The purpose of a latent level: itself for level 0, 8 + 4 level + purpose for levels 1 to 12.

    Raises:
      ValueError: the purpose has no levels, or the level is out of range.

    Example:
      >>> at_level(TRAINING, 1)
      13
    """
    if level == 0:
        return purpose
    if purpose not in LEVELLED or not 1 <= level <= MOST_LEVELS:
        raise ValueError(f"noise: purpose {purpose} has no level {level}; purposes 0 to 2 have levels 0 to 12.")
    return 8 + 4 * level + purpose
