"""The work of the benchmarks with Python's libraries, workers already there. Prints seconds.

    python_peers.py LIBRARY WORK N      LIBRARY: multiprocessing futures joblib dask mpi4py
WORK: inc (default chunks), one (one task at a time), spin (13 us tasks), large (1 MB results), call (median of one call),
common (100 MB read by N tasks), fussy (1 % throw; an outcome per task)
"""
import math
import statistics
import sys
import time

import numpy

WORKERS = 2
TABLE = None


def inc(i):
    return i + 1


def spin(i):
    """About as long as the C++ one."""
    end = time.perf_counter() + 13e-6
    while time.perf_counter() < end:
        pass
    return i


def large(i):
    return numpy.full(131072, float(i))


def fussy(i):
    if i % 100 == 99:
        raise ValueError("unlucky")
    return float(i)


def tried(i):
    try:
        return fussy(i), None
    except ValueError as error:
        return None, error


def read_common(i):
    part = len(TABLE) // 1000
    return float(TABLE[i % 1000 * part:(i % 1000 + 1) * part].sum())


def take_table(table):
    global TABLE
    TABLE = table


def read_given(table, i):
    part = len(table) // 1000
    return float(table[i % 1000 * part:(i % 1000 + 1) * part].sum())


def timed(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def drained(results):
    for _ in results:
        pass


def median_call(call, n):
    return statistics.median(timed(lambda: call(i)) for i in range(n))


def chunk(n):
    return max(1, math.ceil(n / (4 * WORKERS)))


def by_multiprocessing(work, n):
    import multiprocessing
    if work == "common":
        take_table(numpy.full(12_500_000, 0.5))

        def all_of_it():
            with multiprocessing.Pool(WORKERS) as pool:  # forked now: the table is there without being sent
                drained(pool.imap(read_common, range(n), chunksize=n // 50))
        return timed(all_of_it)
    with multiprocessing.Pool(WORKERS) as pool:
        pool.map(inc, range(WORKERS))
        if work == "call":
            return median_call(lambda i: pool.apply(inc, (i,)), n)
        if work == "inc":
            return timed(lambda: pool.map(inc, range(n)))
        if work == "spin":
            return timed(lambda: pool.map(spin, range(n)))
        if work == "fussy":
            return timed(lambda: pool.map(tried, range(n)))
        return timed(lambda: drained(pool.imap({"one": inc, "large": large}[work], range(n))))


def by_futures(work, n):
    from concurrent.futures import ProcessPoolExecutor
    if work == "common":
        take_table(numpy.full(12_500_000, 0.5))

        def all_of_it():
            with ProcessPoolExecutor(WORKERS) as pool:  # forked now, too
                drained(pool.map(read_common, range(n), chunksize=n // 50))
        return timed(all_of_it)
    with ProcessPoolExecutor(WORKERS) as pool:
        drained(pool.map(inc, range(WORKERS)))
        if work == "call":
            return median_call(lambda i: pool.submit(inc, i).result(), n)
        if work in ("inc", "spin", "fussy"):
            function = {"inc": inc, "spin": spin, "fussy": tried}[work]
            return timed(lambda: drained(pool.map(function, range(n), chunksize=chunk(n))))
        return timed(lambda: drained(pool.map({"one": inc, "large": large}[work], range(n))))


def by_joblib(work, n):
    from joblib import Parallel, delayed
    with Parallel(n_jobs=WORKERS) as parallel:
        parallel(delayed(inc)(i) for i in range(WORKERS))
        if work == "call":
            return median_call(lambda i: parallel([delayed(inc)(i)]), n)
        if work == "common":
            table = numpy.full(12_500_000, 0.5)
            return timed(lambda: parallel(delayed(read_given)(table, i) for i in range(n)))
        if work == "one":
            parallel.batch_size = 1
        function = {"inc": inc, "one": inc, "spin": spin, "large": large, "fussy": tried}[work]
        return timed(lambda: parallel(delayed(function)(i) for i in range(n)))


def by_dask(work, n):
    from distributed import Client, LocalCluster
    with LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        client.gather(client.map(inc, range(WORKERS)))
        if work == "call":
            return median_call(lambda i: client.submit(inc, i, pure=False).result(), n)
        if work == "common":
            table = numpy.full(12_500_000, 0.5)

            def all_of_it():
                there = client.scatter(table, broadcast=True)
                client.gather([client.submit(read_given, there, i) for i in range(n)])
            return timed(all_of_it)
        function = {"inc": inc, "one": inc, "spin": spin, "large": large, "fussy": tried}[work]
        return timed(lambda: client.gather(client.map(function, range(n), pure=False)))


def by_mpi4py(work, n):
    from mpi4py.futures import MPIPoolExecutor
    if work == "common":
        table = numpy.full(12_500_000, 0.5)

        def all_of_it():
            with MPIPoolExecutor(WORKERS, initializer=take_table, initargs=(table,)) as pool:
                drained(pool.map(read_common, range(n), chunksize=n // 50))
        return timed(all_of_it)
    with MPIPoolExecutor(WORKERS) as pool:
        drained(pool.map(inc, range(WORKERS)))
        if work == "call":
            return median_call(lambda i: pool.submit(inc, i).result(), n)
        if work in ("inc", "spin", "fussy"):
            function = {"inc": inc, "spin": spin, "fussy": tried}[work]
            return timed(lambda: drained(pool.map(function, range(n), chunksize=chunk(n))))
        return timed(lambda: drained(pool.map({"one": inc, "large": large}[work], range(n))))


if __name__ == "__main__":
    print(globals()["by_" + sys.argv[1]](sys.argv[2], int(sys.argv[3])))
