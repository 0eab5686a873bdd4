"""How the peers are timed: as bench_time of tests/bench/bench.c does it."""
import json
import sys
import time

WARM_UP_CALLS, MIN_CALLS = 2, 3


def seconds_of(work, seconds):
    """Seconds that one call takes: the median over calls for about `seconds`, at least three."""
    for _ in range(WARM_UP_CALLS):
        work()
    took = []
    begin = now = time.perf_counter()
    while len(took) < MIN_CALLS or now - begin < seconds:
        last = now
        work()
        now = time.perf_counter()
        took.append(now - last)
    return sorted(took)[len(took) // 2]


def print_result(work):
    """What work() returns as JSON, or {"skipped": REASON}: old versions cannot do everything."""
    try:
        result = work()
    except Exception as error:  # whatever a compiler or a library has to say
        print(f"{' '.join(sys.argv)}: {error}", file=sys.stderr)
        reason = str(error).strip().splitlines() or [""]
        result = {"skipped": f"{type(error).__name__}: {reason[0]}"}
    print(json.dumps(result))
