"""One row of the table, and how rows compare."""
import dataclasses
import statistics
import subprocess
from collections.abc import Callable

LOWER_IS_BETTER = {"ms", "us", "s", "ns", "MB"}


@dataclasses.dataclass
class Contender:
    """`measure` gives a value in `unit`, or raises when the contender is not there."""
    work: str
    who: str
    mode: str
    unit: str
    measure: Callable[[], float]
    role: str = "peer"  # or "limit", "us"
    rounds: int = 1
    values: list = dataclasses.field(default_factory=list)
    absent: str = ""  # why

    def run(self):
        if self.absent:
            return
        try:
            self.values.append(self.measure())
        except (OSError, subprocess.SubprocessError, ValueError, LookupError) as error:
            self.absent = (str(error).splitlines() or [type(error).__name__])[0]

    @property
    def value(self):
        return statistics.median(self.values) if self.values and not self.absent else None

    @property
    def spread(self):
        return (max(self.values) - min(self.values)) / self.value if self.value and len(self.values) > 1 else None


def times_as_good(ours, other, unit):
    """How many times as good `ours` is; 1 when equal."""
    if not ours or not other:
        return None
    return other / ours if unit in LOWER_IS_BETTER else ours / other


def middle_of(ratios):
    """Median, and an interval that holds the true one with 95 % (order statistics, by the binomial distribution)."""
    ordered = sorted(ratios)
    n = len(ordered)
    outer = max(0, int(n / 2 - 0.98 * n**0.5))
    return statistics.median(ordered), (ordered[outer], ordered[n - 1 - outer])


class Table:
    """All contenders of a run."""

    def __init__(self, contenders):
        self.contenders = contenders

    def of(self, work, role):
        return [one for one in self.contenders if one.work == work and one.role == role]

    def value(self, work, role, who=None, mode=None):
        """Of the one contender that is meant; None when it is absent."""
        found = [one for one in self.of(work, role) if who in (None, one.who) and mode in (None, one.mode)]
        return found[0].value if found else None

    def best(self, work, role):
        values = [one.value for one in self.of(work, role) if one.value]
        if not values:
            return None
        return min(values) if self.of(work, role)[0].unit in LOWER_IS_BETTER else max(values)

    def row(self, one):
        return {"work": one.work, "mode": one.mode, "who": one.who, "role": one.role, "value": one.value, "unit": one.unit,
                "to_limit": times_as_good(one.value, self.best(one.work, "limit"), one.unit),
                "to_best_peer": times_as_good(one.value, self.best(one.work, "peer"), one.unit) if one.role == "us" else None,
                "spread": one.spread, "rounds": len(one.values), "absent": one.absent or None}
