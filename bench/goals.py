"""What is wanted of the values, as ratios."""
from contender import middle_of, times_as_good
from sizes import ALL_THROW, CROWD, CROWD_FIRST, CSV, GROWTH, JSONL, MEMORY, PRIVATE, RESUME
from works import BACKENDS, W1, W1_ONE, W2, W3, W4, W5, W6, W6_ASLEEP, W7


class Goals:
    """Each (work, what, ratio, wanted): met when ratio >= wanted. A ratio to something that is absent is None, which meets
    nothing; wanted None: shown only."""

    def __init__(self, table):
        self.table = table
        self.works = {one.work for one in table.contenders}

    def to_peer(self, work, mode, who, wanted, peer_mode=None):
        """`who` None: to the best of all peers, of whom none may be absent; "others": of those that are not the MPI loop."""
        ours = self.table.value(work, "us", mode=mode)
        peers = [one for one in self.table.of(work, "peer") if peer_mode in (None, one.mode)
                 and (who is None or who == one.who or (who == "others" and one.who != "MPI loop"))]
        ratios = [times_as_good(ours, one.value, one.unit) for one in peers]
        name = {None: "the best peer", "others": "the best other peer"}.get(who, f"{who}{', ' + peer_mode if peer_mode else ''}")
        gone = [one.who for one in peers if not one.value]
        what = f"{work}, {mode}, to {name}" + (f" (absent: {', '.join(gone)})" if gone else "")
        return work, what, min(ratios) if ratios and not gone and ours else None, wanted

    def at_most(self, work, mode, most, who=None, wanted=1):
        """How far below a value in the contender's own unit."""
        ours = next((one for one in self.table.of(work, "us") if one.mode == mode and who in (None, one.who)), None)
        unit = ours.unit if ours else ""
        return work, f"{work}, {mode}: {most} {unit}, to it", most / ours.value if ours and ours.value else None, wanted

    def paired(self, work, mode, wanted):
        """Of ratios to the limit within each round."""
        limit = next((one for one in self.table.of(work, "limit")), None)
        ours = next((one for one in self.table.of(work, "us") if one.mode == mode), None)
        if not limit or not ours or not limit.value or not ours.value:
            return work, f"{work}, {mode}, to TBB", None, wanted
        ratios = [a / b for a, b in zip(ours.values, limit.values)]
        ratio, (low, high) = middle_of(ratios)
        return work, f"{work}, {mode}, to TBB ({len(ratios)} pairs, 95 % interval {low:.3f} to {high:.3f})", ratio, wanted

    def growths(self):
        for kind in ("--reduce sum", "in logs"):
            found = {one.mode.split()[0]: one.value for one in self.table.of(GROWTH, "us") if one.mode.endswith(kind)}
            most = list(found)[-1] if found else ""
            few, many = found.get("1e+06"), found.get(most)
            yield GROWTH, f"growth, {kind}, 1e+06 tasks to {most}", few / many if few and many else None, 1 / 1.3

    def memories(self):
        """Of the host, and what executors have of common data for themselves."""
        for one in self.table.of(MEMORY, "us"):
            if one.who == "jobhost host":
                yield self.at_most(MEMORY, one.mode, 100, who=one.who)
        for backend in BACKENDS:
            yield self.at_most(PRIVATE, f"{backend}, C++", 10)

    def all(self):
        fresh = self.table.value(W1, "limit", mode="fresh memory")
        threads = self.table.value(W1, "us", mode="threads, command line")
        everything = [
            self.to_peer(W1, "processes, command line", "MPI loop", 1),
            self.to_peer(W1, "processes, command line", "others", 30),
            (W1, f"{W1}, threads, command line, to tbb::parallel_for into fresh memory", times_as_good(threads, fresh, "M/s"), 0.5),
            self.to_peer(W1_ONE, "processes, command line", "MPI loop", 15),
            self.to_peer(W1_ONE, "processes, command line", "others", 100),
            *(self.paired(W2, f"{backend}, command line", 0.95) for backend in BACKENDS),
            *(self.to_peer(W3, f"processes, {surface}", None, 1 / 0.7) for surface in ("C++", "Pool")),
            self.to_peer(W4, "processes, Pool", "MPI loop", 0.8),
            self.to_peer(W4, "processes, Pool, views", "MPI loop", 1.5),
            *(self.at_most(W5, f"processes, {surface}", 20) for surface in ("command line", "C++")),
            self.to_peer(W5, "processes, command line", "multiprocessing", 5),
            *(self.to_peer(W6, "processes, Pool", "MPI loop", 1 / 0.3, mode) for mode in ("2 ranks spin", "3 ranks in turn")),
            self.at_most(W6_ASLEEP, "processes, Pool", 100),
            self.to_peer(W7, "processes, Pool", "MPI loop", 1),
            *self.growths(),
            *self.memories(),
            *(self.at_most(RESUME, one.mode, 10) for one in self.table.of(RESUME, "us")),
            *self.limits(ALL_THROW),
            *(self.to_peer(work, "processes, command line", "multiprocessing", None) for work in (CROWD_FIRST, CROWD)),
            self.to_peer(CSV, "run -o", "awk '{print}'", 3),
            self.to_peer(JSONL, "run -o", "awk '{print}'", None),
        ]
        return [goal for goal in everything if goal[0] in self.works]

    def limits(self, work):
        """To the limit; no number is wanted."""
        for one in self.table.of(work, "us"):
            yield work, f"{work}, {one.mode}, to the limit", times_as_good(one.value, self.table.best(work, "limit"), one.unit), None


def verdict(ratio, wanted):
    if ratio is None:
        return "absent"
    if wanted is None:
        return ""
    return "met" if ratio >= wanted else "missed"
