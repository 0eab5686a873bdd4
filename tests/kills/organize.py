"""Ends `rimshot organize` by SIGKILL at random moments, finishes it, undoes it, and compares.

A folder of sounds is organised by each action. The command is killed N times, at moments drawn from
a seed: twice while it listens, then while files are carried (it goes on with --resume or by being
started again), then, a quarter as often, while they are taken back. In the end names, bytes,
permissions and times of all that is there must be what they were before. With --library FOLDER the
sounds are those of a folder that is there, which is left as it was.

Exit status 1 for any difference.
"""
import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

TIMEOUT_S = 1200


def tree(folder):
    """What is in a folder: path to permissions, time and digest."""
    found = {}
    for where, _, names in os.walk(folder):
        for name in [""] + names:
            path = os.path.join(where, name) if name else where
            info = os.lstat(path)
            content = ""
            if os.path.islink(path):
                content = os.readlink(path)
            elif name:
                with open(path, "rb") as file:
                    content = hashlib.sha1(file.read()).hexdigest()
            found[os.path.relpath(path, folder)] = (oct(info.st_mode), info.st_mtime_ns, content)
    return found


class Organizing:
    def __init__(self, options, folder, action, generator):
        self.program = os.path.abspath(options.program)
        self.folder, self.random, self.step = folder, generator, options.step
        self.sorted = os.path.join(folder, "sorted")
        self.journal = os.path.join(self.sorted, ".rimshot-organize", "000001.journal")
        self.forward = ["organize", os.path.join(folder, "library"), self.sorted, "--action", action,
                        "--with-side-files", "--quiet"]
        self.kills = 0

    def start(self, arguments):
        return subprocess.Popen([self.program, *arguments], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def kill_after(self, arguments, seconds):
        """Whether the command was still running then."""
        process = self.start(arguments)
        try:
            _, said = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.kills += 1
            return True
        if process.returncode != 0:
            sys.exit("FAIL %s: exit status %d: %s" % (arguments, process.returncode, said))
        return False

    def kill_at_plan(self):
        """Once the plan is there, or a moment later."""
        process = self.start(self.forward)
        while not os.path.exists(self.journal) and process.poll() is None:
            time.sleep(0.0005)
        time.sleep(self.random.random() * self.step)
        process.kill()
        process.communicate()
        self.kills += 1

    def finish(self, arguments):
        end = subprocess.run([self.program, *arguments], capture_output=True, text=True,
                             timeout=TIMEOUT_S)
        if end.returncode != 0:
            sys.exit("FAIL %s: exit status %d: %s" % (arguments, end.returncode, end.stderr))

    def finished(self):
        """All is carried: killed after that, nothing is left to go on with."""
        with open(self.journal) as journal:
            return "\nfinished " in journal.read()

    def run(self, n):
        for _ in range(2):
            self.kill_after(self.forward, self.random.random() * self.step)
        if not os.path.exists(self.journal):
            self.kill_at_plan()
        resume = ["organize", "--resume", self.sorted, "--quiet"]
        undo = ["organize", "--undo", self.sorted, "--quiet"]
        going = True
        while going and self.kills < n and not self.finished():
            way = self.forward if self.random.random() < 0.5 else resume
            going = self.kill_after(way, self.random.random() * self.step)
        if not self.finished():
            self.finish(resume)
        forward, going = self.kills, True
        while going and self.kills < forward + n // 4 and os.path.exists(self.journal):
            going = self.kill_after(undo, self.random.random() * self.step)
        if os.path.exists(self.journal):
            self.finish(undo)
        return forward, self.kills - forward


def make_library(program, folder):
    library = os.path.join(folder, "library")
    subprocess.run([program, "data", "synth", library, "--per-class", "6", "--quiet"], check=True)
    for number, name in enumerate(sorted(os.listdir(library))):
        where = os.path.join(library, name)
        first = os.path.join(where, sorted(os.listdir(where))[0])
        shutil.copy(first, os.path.join(library, "copy %d.wav" % number))
        with open(first + ".asd", "wb") as side:
            side.write(b"warp markers")
        os.chmod(first, 0o600)
    for where, folders, names in os.walk(library, topdown=False):
        for name in folders + names:
            os.utime(os.path.join(where, name), ns=(10**18 + len(name), 10**18 + len(where)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default="build/rimshot")
    parser.add_argument("--kills", type=int, default=8, help="of each action")
    parser.add_argument("--actions", default="copy move")
    parser.add_argument("--step", type=float, default=0.08, help="most seconds between two kills")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--library", help="a folder of sounds to organise, beside which it is done")
    options = parser.parse_args()
    bad = 0
    for action in options.actions.split():
        with tempfile.TemporaryDirectory() as scratch:
            folder = scratch
            if options.library:
                folder = os.path.dirname(os.path.abspath(options.library))
            else:
                make_library(os.path.abspath(options.program), folder)
            before = tree(folder)
            organizing = Organizing(options, folder, action, random.Random(options.seed))
            forward, back = organizing.run(options.kills)
            after = tree(folder)
            differ = sorted(p for p in set(before) | set(after) if before.get(p) != after.get(p))
            print("%s: %d kills on the way, %d on the way back, %d entries, %d differ%s" % (
                action, forward, back, len(before), len(differ), " " + differ[0] if differ else ""))
            bad += len(differ)
    sys.exit(1 if bad else 0)


main()
