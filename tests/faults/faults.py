"""Makes the calls of rimshot fail, one after the other, in every command.

For each command a healthy run counts its calls; then each call in turn fails, alone and with all that
follow, is interrupted, or does a part of its work. A run must then give the healthy bytes and exit
status 0, or one line on standard error and exit status 1 or 2. Afterwards no earlier file is
anything but whole, the old or the new, and the same command, healthy again, gives the healthy bytes.

Calls are counted by kind. `library` is memory that libraries ask for: what they do without it is
listed, and does not count. Exit status 1 if anything else failed.
"""
import argparse
import collections
import concurrent.futures
import os
import shutil
import struct
import subprocess
import sys
import threading

import tiny

KINDS = ("malloc library read write open sync rename mmap thread close truncate list mkdir unlink "
         "stat lock fork").split()
PAGE = struct.Struct("<%dQQ4096s" % len(KINDS))
MODES = {"read": ("once", "on", "intr", "short"), "write": ("once", "on", "intr", "short")}
PICTURES = (".png", ".svg", ".html", ".pdf")
SECONDS = 30  # that a command may take

Case = collections.namedtuple("Case", "name arguments takes threads again many")
Try = collections.namedtuple("Try", "case kind n mode")
End = collections.namedtuple("End", "status out err counts place")


def case(name, arguments, takes="", threads=1, again=None, many=False):
    """`takes`: what of the ready folder it begins with. `again`: the option that goes on with what
    a failed run left. `many`: it goes on after an error and tells each in a line of its own."""
    return Case(name, arguments.split(), takes.split(), threads, again, many)


CASES = [
    case("train", "train tiny.yaml --out run --quiet", "tiny.yaml sounds", again="--resume"),
    case("train cached", "train tiny.yaml --out run --quiet", "tiny.yaml sounds cache",
         again="--resume"),
    case("train overwrite", "train tiny.yaml --out run --quiet --overwrite train.epochs=1",
         "tiny.yaml sounds cache run"),
    case("train side by side", "train tiny.yaml --out run --quiet --parallel-folds 2",
         "tiny.yaml sounds cache", threads=2, again="--resume"),
    case("resume", "train tiny.yaml --out run --quiet --resume", "tiny.yaml sounds cache half:run"),
    case("pretrain", "pretrain pretrain.yaml --out pre --quiet", "pretrain.yaml pool",
         again="--resume"),
    case("sweep", "sweep sweep.yaml --out sweep --quiet", "sweep.yaml tiny.yaml sounds cache",
         many=True),
    case("curate", "curate tested.yaml pool --confidence 0.1 --rounds 1 --out all --quiet",
         "tested.yaml sounds tests pool", again="--resume"),
    case("evaluate", "evaluate run/model.h5 tests", "run/model.h5 tests", many=True),
    case("classify", "classify run/model.h5 tests --format json", "run/model.h5 tests", many=True),
    case("organize", "organize run/model.h5 tests out --confidence 0 --quiet", "run/model.h5 tests",
         many=True),
    case("kit", "kit run/model.h5 tests --out kit --index i.h5 --from-anything --quiet",
         "run/model.h5 tests", again="--overwrite", many=True),
    case("embed", "embed run/model.h5 tests -o e.npz", "run/model.h5 tests", many=True),
    case("embed h5", "embed run/model.h5 tests -o e.h5", "run/model.h5 tests cache", many=True),
    case("slice", "slice run/model.h5 tests --out cut", "run/model.h5 tests",
         again="--overwrite", many=True),
    case("index", "index run/model.h5 tests -o i.h5 --csv i.csv --quiet", "run/model.h5 tests", many=True),
    case("similar", "similar run/model.h5 tests/kick/kick_0000.wav tests --index i.h5",
         "run/model.h5 tests", many=True),
    case("map", "map run/model.h5 tests --index i.h5 -o m --quiet", "run/model.h5 tests", many=True),
    case("export onnx", "export run/model.h5 --to onnx -o m --with-features", "run/model.h5"),
    case("export safetensors", "export run/model.h5 --to safetensors -o m --verify", "run/model.h5"),
    case("export npz", "export run/model.h5 --to npz -o m --verify", "run/model.h5"),
    case("export c", "export run/model.h5 --to c -o m --verify", "run/model.h5"),
    case("export web", "export run/model.h5 --to web -o m", "run/model.h5"),
    case("import npz", "import m.npz --into run/model.h5 -o new.h5", "run/model.h5 m.npz"),
    case("import safetensors", "import m.safetensors --into run/model.h5 -o run/model.h5",
         "run/model.h5 m.safetensors"),
    case("import keras", "import image.yaml keras.h5 --names names.yaml -o new.h5",
         "image.yaml names.yaml keras.h5"),
    case("summary", "summary run/model.h5", "run/model.h5"),
    case("report", "report run", "run"),
    case("compare", "report run other -o both.html", "run other"),
    case("play", "report run other -o both.html --audio copy", "run other sounds"),
    case("overview", "data overview tests --out seen", "tests", many=True),
    case("duplicates", "data duplicates tests", "tests", many=True),
    case("descriptors", "data descriptors tests -o d.csv", "tests", many=True),
    case("synth", "data synth new --per-class 1 --quiet", again="--overwrite"),
    case("performance", "data performance songs.yaml --out songs", "songs.yaml kit",
         again="--overwrite"),
]


def new_page(where):
    """The file that fault.c counts in."""
    path = where + ".page"
    with open(path, "wb") as file:
        file.write(bytes(PAGE.size))
    return path


def read_page(path):
    """The calls of each kind, and where the first of those that failed was."""
    with open(path, "rb") as file:
        *counts, _, place = PAGE.unpack(file.read())
    return dict(zip(KINDS, counts)), place.rstrip(b"\0").decode()


def library_of(place):
    for line in place.splitlines():
        file = os.path.basename(line.split(" ", 1)[0])
        if not file.startswith(("libc.so", "libstdc++")):
            return file
    return "?"


def hidden(path):
    return os.path.basename(path).startswith(".")


def different(found, wanted, kind=""):
    """The files that are not as wanted. What could not be cached is decoded again next time; of a
    folder read in part there is a cache of its own; a lock or a temporary file stays if it cannot be
    removed."""
    return sorted(path for path in {**found, **wanted} if found.get(path) != wanted.get(path) and
                  not (path.startswith("cache/") and path not in found) and
                  not (kind == "list" and path.startswith("cache/") and path not in wanted) and
                  not path.startswith("out/.rimshot-organize/") and
                  not (kind == "unlink" and hidden(path)))


def some(paths):
    return " ".join(paths[:4]) + (" and %d more" % (len(paths) - 4) if len(paths) > 4 else "")


class Faults:
    def __init__(self, options):
        self.program = os.path.abspath(options.program)
        self.preload = os.path.abspath(options.preload)
        self.folder = tiny.scratch()
        self.local = threading.local()
        self.healthy = {}  # of a case: its end, the tree before and after
        self.sound = {}  # states a failed run may leave: what a healthy run makes of them
        self.lock = threading.Lock()

    def run(self, where, arguments, fail="", threads=1):
        """Runs rimshot with its calls counted, and one of them failing: "KIND:N:MODE"."""
        page = new_page(where)
        env = tiny.environment(LD_PRELOAD=self.preload, FAULTS_PAGE=page, FAULTS_FAIL=fail,
                               RIMSHOT_THREADS=str(threads))
        try:
            end = subprocess.run([self.program, *arguments], cwd=where, env=env, timeout=SECONDS,
                                 stdin=subprocess.DEVNULL, capture_output=True)
        except subprocess.TimeoutExpired:
            end = subprocess.CompletedProcess([], "hangs", b"", b"")
        return End(end.returncode, end.stdout, end.stderr.decode(errors="replace"), *read_page(page))

    def make_ready(self):
        """What the cases begin with, made by healthy runs."""
        ready = os.path.join(self.folder, "ready")
        tiny.make(ready, self.program)
        for arguments in ("train tiny.yaml --out run --quiet",
                          "train tiny.yaml --out other --quiet train.seed=2",
                          "export run/model.h5 --to npz -o m.npz",
                          "export run/model.h5 --to safetensors -o m.safetensors",
                          "embed run/model.h5 tests -o e.h5"):
            end = self.run(ready, arguments.split())
            if end.status != 0:
                raise SystemExit("faults: rimshot %s: %s" % (arguments, end.err))
        os.mkdir(os.path.join(ready, "half"))
        shutil.copytree(os.path.join(ready, "run"), os.path.join(ready, "half", "run"))
        for left in ("model.h5", "final", "summary.json", "report.html", "fold2"):
            path = os.path.join(ready, "half", "run", left)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)

    def begin(self, case):
        """A folder of this thread's own with what the case begins with."""
        where = os.path.join(self.folder, "work%d" % threading.get_ident())
        shutil.rmtree(where, ignore_errors=True)
        os.mkdir(where)
        for name in case.takes:
            source, _, name = name.rpartition(":")
            path = os.path.join(self.folder, "ready", source, name)
            copy = os.path.join(where, name)
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copytree(path, copy) if os.path.isdir(path) else shutil.copy(path, copy)
        return where

    def count(self, case):
        """A healthy run; the calls it made."""
        where = self.begin(case)
        before = tiny.tree(where)
        end = self.run(where, case.arguments, threads=case.threads)
        if end.status != 0:
            raise SystemExit("faults: healthy %s: exit status %s: %s" % (case.name, end.status, end.err))
        self.healthy[case.name] = (end, before, tiny.tree(where))
        return end.counts

    def goes_on(self, case, kind, where, state, other_font):
        """Whether a healthy run makes of what is there what it should; "" if so."""
        key = (case.name, kind == "unlink", other_font, tuple(sorted(state.items())))
        with self.lock:
            if key in self.sound:
                return self.sound[key]
        end, _, after = self.healthy[case.name]
        arguments = list(case.arguments)
        if case.again:
            out = arguments[arguments.index("--out") + 1 if "--out" in arguments else 2]
            begun = any(path.startswith(out + "/") for path in state)
            if begun or case.again == "--overwrite" and os.path.isdir(os.path.join(where, out)):
                arguments.append(case.again)
        again = self.run(where, arguments, threads=case.threads)
        said = ""
        if again.status != 0:
            said = "a healthy run afterwards fails: " + again.err.strip()
        elif again.out != end.out:
            said = "a healthy run afterwards says something else"
        else:
            wrong = [path for path in different(tiny.tree(where), after, kind)
                     if not (other_font and path.endswith(PICTURES))]
            if wrong:
                said = "a healthy run afterwards gives other bytes: " + some(wrong)
        with self.lock:
            self.sound[key] = said
        return said

    def judge(self, t, where, end):
        """What came of a try: "same", "clean" or what is wrong."""
        healthy, before, after = self.healthy[t.case.name]
        if end.status == "hangs":
            return "hangs"
        if end.status not in (0, 1, 2):
            return "ends with %s" % end.status
        # Fontconfig says on standard error what it cannot read, with bytes of any kind.
        lines = [line for line in end.err.rstrip("\n").split("\n")
                 if not line.startswith("Fontconfig")]
        many = t.case.many or t.mode == "on" and all(l.startswith("rimshot: ") for l in lines)
        if end.status != 0 and not (lines and lines[0].startswith("rimshot: ") and
                                    (len(lines) == 1 or many)):
            return "exit status %d without one clear line: %r" % (end.status, end.err)
        state = tiny.tree(where)
        # Without its fonts, or the folders they are in, fontconfig gives others.
        other_font = (library_of(end.place).startswith("libfontconfig") or
                      t.mode == "on" and t.kind in ("list", "open", "read", "stat"))
        torn = sorted(path for path in before
                      if path in state and state[path] not in (before[path], after.get(path)) and
                      not (other_font and path.endswith(PICTURES)))
        if torn:
            return "neither the old nor the new: " + some(torn)
        if end.status == 0:
            wrong = [path for path in different(state, after, t.kind)
                     if not (other_font and path.endswith(PICTURES))]
            if wrong:
                return "exit status 0 with other bytes: " + some(wrong)
            if end.out != healthy.out:
                return "exit status 0 with other words"
            return "same"
        if t.mode in ("intr", "short"):
            return "is not tried again: " + end.err.strip()
        if t.case.name != "train overwrite":
            lost = sorted(path for path in before if path not in state and path in after)
            if lost:
                return "lost: " + some(lost)
        return self.goes_on(t.case, t.kind, where, state, other_font) or "clean"

    def attempt(self, t):
        where = self.begin(t.case)
        end = self.run(where, t.case.arguments, "%s:%d:%s" % (t.kind, t.n, t.mode), t.case.threads)
        return t, self.judge(t, where, end), end

    def source_of(self, place):
        """The innermost place in the program that led to a failed call, and the library between."""
        through = library_of(place)
        through = "" if through == os.path.basename(self.program) else " through " + through
        for line in place.splitlines():
            file, offset, name = line.split(" ", 2)
            if os.path.basename(file) != os.path.basename(self.program):
                continue
            found = subprocess.run(["addr2line", "-s", "-f", "-e", self.program, offset],
                                   capture_output=True, text=True).stdout.split()
            if len(found) == 2 and found[0] not in ("base_alloc", "base_arena_alloc", "base_grow"):
                return "%s (%s)" % tuple(found) + through
        return "?" + through


def spread(items, n):
    """At most n of the items, evenly spread."""
    return items if len(items) <= n else [items[i * len(items) // n] for i in range(n)]


def plan(counted, options):
    tries = []
    for c, counts in counted:
        for kind in KINDS:
            if options.kind and kind not in options.kind:
                continue
            if c.threads > 1 and kind != "thread":
                continue  # the order of the others' calls varies
            if options.sample and kind == "library":
                continue
            all_n = list(range(1, counts[kind] + 1))
            if kind == "library":
                all_n = spread(all_n, options.library)
            all_n = spread(all_n, 3 if options.sample else options.each)
            tries += [Try(c, kind, n, mode) for n in all_n for mode in MODES.get(kind, ("once", "on"))]
    return spread(tries, options.sample) if options.sample else tries


def show(ends, faults):
    """The counts by kind, and what failed, alike beside alike; whether any of it counts."""
    print("%-10s %7s %7s %7s %9s" % ("kind", "tried", "same", "clean", "failures"))
    total = collections.Counter()
    for kind in KINDS:
        row = collections.Counter(verdict if verdict in ("same", "clean") else "failure"
                                  for t, verdict, _ in ends if t.kind == kind)
        if not row:
            continue
        print("%-10s %7d %7d %7d %9d" % (kind, sum(row.values()), row["same"], row["clean"],
                                         row["failure"]))
        if kind != "library":
            total += row
    print("%-10s %7d %7d %7d %9d   (without library)" %
          ("all", sum(total.values()), total["same"], total["clean"], total["failure"]))
    alike = collections.defaultdict(list)
    for t, verdict, end in ends:
        if verdict in ("same", "clean"):
            continue
        if t.kind == "library":
            alike["listed", library_of(end.place), verdict[:60]].append(t)
        else:
            alike["FAIL", faults.source_of(end.place), verdict].append(t)
    for (what, place, verdict), tries in sorted(alike.items(), key=lambda item: str(item[0])):
        t = tries[0]
        print("%s %s, %s:%d:%s%s: %s\n     in %s" %
              (what, t.case.name, t.kind, t.n, t.mode,
               " and %d more" % (len(tries) - 1) if len(tries) > 1 else "", verdict, place))
    return total["failure"] > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default="build/rimshot")
    parser.add_argument("--preload", default="build/tests/faults/fault.so")
    parser.add_argument("--case", action="append", help="only this command (may be given again)")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this kind of call")
    parser.add_argument("--sample", type=int, help="only so many tries, evenly spread")
    parser.add_argument("--each", type=int, default=sys.maxsize, metavar="N",
                        help="at most N calls of each kind in each command, evenly spread")
    parser.add_argument("--library", type=int, default=40, metavar="N",
                        help="tries of `library` in each command, evenly spread (default 40)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    faults = Faults(options)
    try:
        faults.make_ready()
        chosen = [c for c in CASES if not options.case or c.name in options.case]
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            counted = list(zip(chosen, pool.map(faults.count, chosen)))
            tries = plan(counted, options)
            ends = []
            for end in pool.map(faults.attempt, tries):
                ends.append(end)
                t, verdict, _ = end
                if verdict not in ("same", "clean") and t.kind != "library":
                    print("FAIL %s, %s:%d:%s: %s" % (t.case.name, t.kind, t.n, t.mode, verdict),
                          file=sys.stderr, flush=True)
                elif sys.stderr.isatty():
                    print("\r%d of %d" % (len(ends), len(tries)), end="", file=sys.stderr)
        return show(ends, faults)
    finally:
        shutil.rmtree(faults.folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
