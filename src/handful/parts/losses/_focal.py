"""What the focal losses of several labels per image share."""

TINY = 1e-8  # smallest probability of which a logarithm is taken


def check_focusing(present: float, absent: float, margin: float) -> None:
    """Refuse focal exponents below 0, or a margin that is not from 0 to below 1.

    Raises:
        ValueError: names the numbers.
    """
    if min(present, absent) < 0 or not 0 <= margin < 1:
        raise ValueError(f"present, absent and margin are {present}, {absent} and {margin}: give 0 or more, margin < 1")
