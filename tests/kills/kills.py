"""Ends rimshot at moments chosen by a seeded generator, and lets it go on.

Commands that work long (a training alone and with folds side by side, a sweep, a curation, a
pretraining, the filling of a cache) are ended by SIGKILL, SIGTERM or SIGINT, or by a loss of power,
and called again; some are ended again then. When one comes to its end, its folder and its cache must
have the bytes of a run that nobody ended.

A loss of power is SIGKILL at one of the program's calls of the system, and after it only what was
synced: each file has the bytes it had when it was last synced (none, if it never was), and each
folder either its entries of now or those of when it was last synced, by lot. Files that were there
before the command are taken for synced. What a disk does within one sector is not modelled.

Exit status 1 if any folder ends with other bytes, or a signal is not answered.
"""
import argparse
import collections
import concurrent.futures
import os
import random
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))
import faults
import tiny

Case = collections.namedtuple("Case", "name arguments takes threads again")
Healthy = collections.namedtuple("Healthy", "seconds out tree counts")
CASES = [
    Case("train", "train tiny.yaml --out run --quiet", "tiny.yaml sounds", 1, "--resume"),
    Case("side by side", "train tiny.yaml --out run --quiet --parallel-folds 2", "tiny.yaml sounds",
         2, "--resume"),
    Case("extend", "train tiny.yaml --out run --quiet --resume train.epochs=4",
         "tiny.yaml sounds run", 1, ""),
    Case("pretrain", "pretrain pretrain.yaml --out run --quiet", "pretrain.yaml pool", 2, "--resume"),
    Case("sweep", "sweep sweep.yaml --out run --quiet", "sweep.yaml tiny.yaml sounds", 1, ""),
    Case("curate", "curate tested.yaml pool --confidence 0.1 --rounds 1 --out run --quiet",
         "tested.yaml sounds tests pool", 1, "--resume"),
    Case("cache", "embed model.h5 sounds -o e.npz", "sounds model.h5", 2, ""),
]
WAYS = ("KILL", "TERM", "INT", "power")
CALLS = ("write", "sync", "rename", "open", "close", "mkdir", "unlink")  # where power is lost
SECONDS = 60  # that a command may take
AGAIN = 0.3  # how often a run that goes on is ended again


class Kills:
    def __init__(self, options):
        self.options = options
        self.program = os.path.abspath(options.program)
        self.preload = os.path.abspath(options.preload)
        self.folder = tiny.scratch()
        self.ready = os.path.join(self.folder, "ready")
        self.healthy = {}

    def make_ready(self):
        """What the commands begin with, and what they make of it; what power lost right after a
        command's end would take."""
        tiny.make(self.ready, self.program)
        subprocess.run([self.program, *"train tiny.yaml --out run --quiet".split()], cwd=self.ready,
                       env=tiny.environment(), check=True, stdout=subprocess.DEVNULL)
        os.rename(os.path.join(self.ready, "run", "model.h5"), os.path.join(self.ready, "model.h5"))
        for case in CASES:
            where = self.begin(case, "healthy")
            disk = Disk(where)
            page, env = self.counted(where, FAULTS_SYNCED=disk.synced)
            begun = time.monotonic()
            end = subprocess.run([self.program, *case.arguments.split()], cwd=where, check=True,
                                 env=dict(env, RIMSHOT_THREADS=str(case.threads)),
                                 capture_output=True, text=True)
            seconds = time.monotonic() - begun
            whole = tiny.tree(where)
            self.healthy[case.name] = Healthy(seconds, end.stdout, whole, faults.read_page(page)[0])
            disk.lose_power(None)
            left = tiny.tree(where)
            lost = [path for path in whole if left.get(path) != whole[path]]
            if lost:
                yield "FAIL %s: exit status 0, and not on the disk: %s" % (case.name, faults.some(lost))

    def begin(self, case, name):
        where = os.path.join(self.folder, name)
        shutil.rmtree(where, ignore_errors=True)
        os.mkdir(where)
        for taken in case.takes.split():
            path, copy = os.path.join(self.ready, taken), os.path.join(where, taken)
            shutil.copytree(path, copy) if os.path.isdir(path) else shutil.copy(path, copy)
        return where

    def counted(self, where, fail="", **more):
        page = faults.new_page(where)
        return page, tiny.environment(LD_PRELOAD=self.preload, FAULTS_PAGE=page, FAULTS_FAIL=fail,
                                      **more)

    def start(self, case, where, env):
        arguments = case.arguments.split()
        out = os.path.join(where, "run")
        if case.again and os.path.isdir(out) and any(name[0] != "." for name in os.listdir(out)):
            arguments.append(case.again)
        return subprocess.Popen([self.program, *arguments], cwd=where,
                                env=dict(env, RIMSHOT_THREADS=str(case.threads)), text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def end_by_signal(self, case, where, way, random_):
        """Runs the command and ends it; its exit status and what it said."""
        process = self.start(case, where, tiny.environment())
        number = getattr(signal, "SIG" + way)
        try:
            out, err = process.communicate(timeout=random_.random() * self.healthy[case.name].seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
            out, err = process.communicate(timeout=SECONDS)
        return process.returncode, out, err

    def end_by_power(self, case, where, random_):
        counts = self.healthy[case.name].counts
        kind = random_.choice([kind for kind in CALLS if counts[kind] > 0])
        disk = Disk(where)
        _, env = self.counted(where, "%s:%d:kill" % (kind, random_.randint(1, counts[kind])),
                              FAULTS_SYNCED=disk.synced)
        process = self.start(case, where, env)
        out, err = process.communicate(timeout=SECONDS)
        if process.returncode == -signal.SIGKILL:
            disk.lose_power(random_)
        return process.returncode, out, err

    def chain(self, number):
        """Kills one command until it comes to its end: kills by way, hidden files that are left behind,
        what is wrong."""
        random_ = random.Random("%d %d" % (self.options.seed, number))
        case = CASES[number % len(CASES)]
        where = self.begin(case, "work%d" % number)
        kills, said = collections.Counter(), []
        status = None
        while status != 0:
            way = random_.choice(WAYS)
            if kills and random_.random() > AGAIN:
                way = None
                process = self.start(case, where, tiny.environment())
                out, err = process.communicate(timeout=SECONDS)
                status = process.returncode
            elif way == "power":
                status, out, err = self.end_by_power(case, where, random_)
            else:
                status, out, err = self.end_by_signal(case, where, way, random_)
            said.append("%s: %s" % (way or "goes on", status))
            if status == 0:
                break
            expected = {"KILL": (-signal.SIGKILL,), "power": (-signal.SIGKILL,), None: (),
                        "TERM": (130, -signal.SIGTERM), "INT": (130, -signal.SIGINT)}[way]
            if status not in expected:
                return case, kills, 0, "%s: exit status %s: %s" % (", ".join(said), status, err.strip())
            kills[way] += 1
        wrong = faults.different(tiny.tree(where), self.healthy[case.name].tree)
        left = [path for path in wrong if faults.hidden(path)]
        wrong = [path for path in wrong if path not in left]
        if case.name == "cache" and out != self.healthy[case.name].out:
            wrong.append("what it says")
        shutil.rmtree(where)
        return (case, kills, len(left),
                "%s: other bytes: %s" % (", ".join(said), faults.some(wrong)) if wrong else "")


class Disk:
    """What a loss of power would leave of a folder, from what fault.c keeps of it."""

    def __init__(self, folder):
        self.folder, self.synced = folder, folder + ".synced"
        shutil.rmtree(self.synced, ignore_errors=True)
        os.mkdir(self.synced)
        self.files, self.folders = {}, {}  # as they were before: bytes, and entries, by inode
        for place, _, names in os.walk(folder):
            self.folders[os.stat(place).st_ino] = self.entries_now(place)
            for name in names:
                path = os.path.join(place, name)
                with open(path, "rb") as file:
                    self.files[os.stat(path).st_ino] = file.read()

    @staticmethod
    def entries_now(place):
        return {entry.name: entry.inode() for entry in os.scandir(place)}

    def entries_then(self, inode):
        path = os.path.join(self.synced, "d%d" % inode)
        if not os.path.exists(path):
            return self.folders.get(inode, {})
        with open(path) as file:
            entries = (line.rstrip("\n").split(" ", 1) for line in file)
            return {name: int(number) for number, name in entries if name not in (".", "..")}

    def bytes_then(self, inode):
        path = os.path.join(self.synced, "f%d" % inode)
        if not os.path.exists(path):
            return self.files.get(inode, b"")
        with open(path, "rb") as file:
            return file.read()

    def lose_power(self, random_):
        """Puts in the folder's place what is left of it; without a generator, the least that may be."""
        places = {os.stat(place).st_ino: place for place, _, _ in os.walk(self.folder)}
        left = self.folder + ".left"
        shutil.rmtree(left, ignore_errors=True)

        def leave(inode, to):
            os.mkdir(to)
            now = random_ is not None and inode in places and random_.random() < 0.5
            entries = self.entries_now(places[inode]) if now else self.entries_then(inode)
            for name, number in sorted(entries.items()):
                if number in places or number in self.folders:
                    leave(number, os.path.join(to, name))
                else:
                    with open(os.path.join(to, name), "wb") as file:
                        file.write(self.bytes_then(number))
        leave(os.stat(self.folder).st_ino, left)
        shutil.rmtree(self.folder)
        os.rename(left, self.folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default="build/rimshot")
    parser.add_argument("--preload", default="build/tests/faults/fault.so")
    parser.add_argument("--kills", type=int, default=100, help="how many (default 100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    kills = Kills(options)
    done, left, wrong = collections.Counter(), 0, []
    try:
        wrong += kills.make_ready()
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            number = 0
            while sum(done.values()) < options.kills:
                for case, by_way, n_left, said in pool.map(kills.chain, range(number, number + 20)):
                    done.update({(case.name, way): n for way, n in by_way.items()})
                    left += n_left
                    if said:
                        wrong.append("FAIL %s: %s" % (case.name, said))
                number += 20
    finally:
        shutil.rmtree(kills.folder, ignore_errors=True)
    print("%-14s" % "ended by" + "".join("%8s" % way for way in WAYS))
    for case in CASES:
        print("%-14s" % case.name + "".join("%8d" % done[case.name, way] for way in WAYS))
    print("\n".join(wrong + ["%d kills of %d commands, %d mismatches (%d hidden files left)" %
                             (sum(done.values()), number, len(wrong), left)]))
    return len(wrong) > 0


if __name__ == "__main__":
    sys.exit(main())
