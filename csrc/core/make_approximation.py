"""Prints the polynomials of approximation.h: interpolation at Chebyshev nodes in 60 digits (needs mpmath).

  python csrc/core/make_approximation.py

Each line gives the largest error of the polynomial over its interval, before any rounding.
"""

import mpmath as mp

mp.mp.dps = 60


def _series_or(formula, taylor):
    """The formula, or its Taylor series where the formula suffers cancellation."""
    return lambda x: taylor(x) if abs(x) < mp.mpf("1e-3") else formula(x)


def _sum(term):
    return lambda x: mp.fsum(term(n) * mp.mpf(x) ** n for n in range(40))


exp_tail = _series_or(lambda r: (mp.expm1(r) - r) / r**2, _sum(lambda n: 1 / mp.factorial(n + 2)))
log_tail = _series_or(lambda f: (mp.log1p(f) - f + f**2 / 2) / f**3, _sum(lambda n: mp.mpf((-1) ** n) / (n + 3)))
sin_tail = _series_or(
    lambda s: (mp.sin(mp.sqrt(s)) / mp.sqrt(s) - 1) / s, _sum(lambda n: (-1) ** (n + 1) / mp.factorial(2 * n + 3))
)
cos_tail = _series_or(
    lambda s: (mp.cos(mp.sqrt(s)) - 1 + s / 2) / s**2, _sum(lambda n: mp.mpf((-1) ** n) / mp.factorial(2 * n + 4))
)

HALF_LOG_2 = mp.log(2) / 2 * mp.mpf("1.001")
QUARTER_TURN = (mp.pi / 4 * mp.mpf("1.001")) ** 2

TABLE = [
    ("exp_tail", exp_tail, -HALF_LOG_2, HALF_LOG_2, {"float": 5, "double": 11}),
    ("log_tail", log_tail, mp.sqrt("0.5") - 1, mp.sqrt(2) - 1, {"float": 8, "double": 20}),
    ("sin_tail", sin_tail, mp.mpf(0), QUARTER_TURN, {"float": 3, "double": 6}),
    ("cos_tail", cos_tail, mp.mpf(0), QUARTER_TURN, {"float": 3, "double": 6}),
]


def interpolate(function, low, high, count):
    """Coefficients, lowest first, of the polynomial through `count` Chebyshev nodes."""
    nodes = [(low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (2 * i + 1) / (2 * count)) for i in range(count)]
    matrix = mp.matrix(count, count)
    for i, x in enumerate(nodes):
        for j in range(count):
            matrix[i, j] = x**j
    return list(mp.lu_solve(matrix, mp.matrix([function(x) for x in nodes])))


def main():
    """Prints one line with the error and one line with the coefficients of each polynomial."""
    for kind, digits, suffix in (("float", 9, "f"), ("double", 17, "")):
        for name, function, low, high, counts in TABLE:
            coefficients = interpolate(function, low, high, counts[kind])
            points = [low + (high - low) * i / 400 for i in range(401)]
            error = max(abs(mp.polyval(coefficients[::-1], x) - function(x)) for x in points)
            terms = ", ".join(mp.nstr(c, digits, strip_zeros=False) + suffix for c in coefficients)
            print(f"{kind} {name}: error {mp.nstr(error, 2)}\n  {terms}")


if __name__ == "__main__":
    main()
