"""A small queueing system for tests, which does on demand what real ones do when nobody looks.

usage: fake_queue.py SOCKET submit SCRIPT WORKERS | status [ID...] | cancel [ID...] | cancel-waiting [ID...]"""
import collections
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time


class FakeQueue:
    """Submissions are arrays. What is hard to bring about elsewhere is an attribute here."""

    def __init__(self, path):
        self.slots = 100          # tasks that run at a time
        self.most = 100           # tasks that run and wait; a submission beyond is refused
        self.failing = set()      # commands that fail
        self.hanging = set()      # commands that never end
        self.submissions = []     # how many tasks each had
        self._tasks = collections.defaultdict(list)  # of each id: None waits, a process, or a word for how it ended
        self._scripts = {}  # of each id
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(path)
        self._socket.listen()
        self._threads = [threading.Thread(target=self._serve), threading.Thread(target=self._schedule)]
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._ended.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._socket.close()
        self.end("STOPPED")

    def count(self):
        """How many tasks run, and how many wait."""
        with self._lock:
            tasks = [task for tasks in self._tasks.values() for task in tasks]
            return sum(isinstance(task, subprocess.Popen) for task in tasks), tasks.count(None)

    def end(self, how, jobs=None):
        """Kills what runs, of all submissions or those with these ids, as the system would; what waits is gone, too."""
        with self._lock:
            self._cancel(jobs or list(self._tasks), False, how)

    def forget(self):
        """Kills all, and knows nothing of it."""
        self.end("FORGOTTEN")
        with self._lock:
            self._tasks.clear()

    def _serve(self):
        while not self._ended.is_set():
            with contextlib.suppress(OSError):
                connection = self._socket.accept()[0]
                with connection, self._lock:
                    connection.sendall(json.dumps(self._answer(*json.loads(connection.recv(1 << 16)))).encode())

    def _answer(self, command, *words):
        """What a command prints, what it complains of, and its exit code; -1 for never."""
        if command in self.hanging:
            return "", "", -1
        if command in self.failing:
            return "", f"{command} fails today\n", 3
        if command == "submit":
            return self._submit(words[0], int(words[1]))
        if command == "status":
            return "".join(self._lines(int(word)) for word in words), "", 0
        self._cancel(map(int, words), command == "cancel-waiting", "CANCELLED")
        return "", "", 0

    def _submit(self, script, workers):
        active = sum(not isinstance(task, str) for tasks in self._tasks.values() for task in tasks)
        if active + workers > self.most:
            return "", f"the queue is full: {active} of {self.most}\n", 1
        job = next(self._ids)
        with open(script, encoding="utf-8") as file:
            self._tasks[job] = [None] * workers
            self._scripts[job] = file.read()
        self.submissions.append(workers)
        return f"welcome\nsubmitted as <{job}>\n", "", 0

    def _lines(self, job):
        tasks = self._tasks.get(job, [])
        running, waiting = sum(isinstance(task, subprocess.Popen) for task in tasks), tasks.count(None)
        lines = [f"{job}[] running {running}\n"] * (running > 0) + [f"{job}[] waiting {waiting}\n"] * (waiting > 0)
        return "".join(lines + [f"{job}[] ended {task}\n" for task in tasks if isinstance(task, str)])

    def _cancel(self, jobs, waiting_only, how):
        for job in jobs:
            tasks = self._tasks.get(job, [])
            for place, task in enumerate(tasks):
                if isinstance(task, subprocess.Popen) and not waiting_only:
                    os.killpg(task.pid, signal.SIGKILL)
                    task.wait()
                    tasks[place] = how
                elif task is None:
                    tasks[place] = how

    def _schedule(self):
        while not self._ended.wait(0.02):
            with self._lock:
                for tasks in self._tasks.values():
                    for place, task in enumerate(tasks):
                        if isinstance(task, subprocess.Popen) and task.poll() is not None:
                            tasks[place] = "DONE"
                running = sum(isinstance(task, subprocess.Popen) for tasks in self._tasks.values() for task in tasks)
                for job, tasks in self._tasks.items():
                    for place, task in enumerate(tasks):
                        if task is None and running < self.slots:
                            tasks[place] = subprocess.Popen(["/bin/sh", "-c", self._scripts[job]], stdin=subprocess.DEVNULL,
                                                            start_new_session=True)
                            running += 1


def main():
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(sys.argv[1])
        client.sendall(json.dumps(sys.argv[2:]).encode())
        printed, complaints, code = json.loads(b"".join(iter(lambda: client.recv(1 << 16), b"")))
    sys.stdout.write(printed)
    sys.stderr.write(complaints)
    while code == -1:
        time.sleep(1)
    return code


if __name__ == "__main__":
    sys.exit(main())
