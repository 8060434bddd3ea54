"""The programs that watch: each is started on a folder of its own and says the names of new files on a pipe."""
import os
import subprocess
import threading
import time


class Watcher:
    """Watches `inbox` and lets an action write a line with the file's name into a pipe."""

    action = "?"

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.inbox = os.path.join(folder, "inbox")
        self.staging = os.path.join(folder, "staging")
        for path in (self.inbox, self.staging):
            os.makedirs(path)
        self.process = None
        self.pipe = None

    def start(self):
        raise NotImplementedError

    def spawn(self, arguments, **options):
        self.process = subprocess.Popen(arguments, cwd=self.folder, start_new_session=True, **options)

    def put(self, name):
        """Renames a file into the folder; gives the times of the rename and of the action's line."""
        staged = os.path.join(self.staging, name)
        with open(staged, "w", encoding="utf-8") as file:
            file.write(name)
        begin = time.time_ns()
        os.rename(staged, os.path.join(self.inbox, name))
        # A watcher that hears nothing must not hold up the benchmark for ever.
        alarm = threading.Timer(20, self.stop)
        alarm.start()
        try:
            for line in self.pipe:
                if name in line:
                    return begin, time.time_ns()
        finally:
            alarm.cancel()
        raise SystemExit(f"{type(self).__name__} did not hear of {name}")

    def warm_up(self):
        """Until a file is heard of; the first ones may come before the watch is set."""
        deadline = time.monotonic() + 10
        found = threading.Event()

        def listen():
            for line in self.pipe:
                if "warm-" in line:
                    found.set()
                    return

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        number = 0
        while not found.wait(0.2):
            if time.monotonic() > deadline or self.process.poll() is not None:
                return False
            number += 1
            with open(os.path.join(self.staging, "file"), "w", encoding="utf-8") as file:
                file.write(str(number))
            os.rename(os.path.join(self.staging, "file"), os.path.join(self.inbox, f"warm-{number}"))
        listener.join()
        return True

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Runnel(Watcher):
    action = "step `log`, the run durable before"

    def start(self):
        os.makedirs(os.path.join(self.folder, "pipelines"))
        self.write("runnel.yaml", "log: { level: info }\n")
        self.write(
            "pipelines/arrivals.yaml",
            "name: arrivals\n"
            "on: { watch: { path: inbox } }\n"
            'steps: [{ uses: log, with: { message: "arrived {{ trigger.name }}" } }]\n',
        )
        self.spawn(
            [self.program, "serve", "pipelines", "--port", "0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        self.pipe = self.process.stderr

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)


class Inotifywait(Watcher):
    action = "a shell's loop, builtin echo"

    def start(self):
        self.spawn(
            ["sh", "-c", '"$1" -m -q -e moved_to --format %f inbox | while read -r f; do echo "$f"; done', "sh",
             self.program],
            stdout=subprocess.PIPE, text=True,
        )
        self.pipe = self.process.stdout

    def stop(self):
        # The shell waits for its pipeline, so the whole group has to be told.
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, 15)
            self.process.wait()


class Watchmedo(Watcher):
    action = "shell-command, builtin echo"

    def start(self):
        self.spawn(
            [self.program, "shell-command", "--ignore-directories", "--command", 'echo "${watch_src_path}"', "inbox"],
            stdout=subprocess.PIPE, text=True,
        )
        self.pipe = self.process.stdout


class Incron(Watcher):
    action = "a shell script, builtin echo"

    def start(self):
        tables = os.path.join(self.folder, "tables")
        os.makedirs(tables)
        fifo = os.path.join(self.folder, "fifo")
        os.mkfifo(fifo)
        script = os.path.join(self.folder, "action")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\necho "$1" >"{fifo}"\n')
        os.chmod(script, 0o755)
        with open(os.path.join(tables, "benchmark"), "w", encoding="utf-8") as file:
            file.write(f"{self.inbox} IN_MOVED_TO {script} $#\n")
        configuration = os.path.join(self.folder, "incron.conf")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(
                f"system_table_dir = {tables}\nuser_table_dir = {self.folder}/none\n"
                f"lockfile_dir = {self.folder}\nlockfile_name = incrond\n"
            )
        os.makedirs(os.path.join(self.folder, "none"))
        # Held open for writing too, so that it does not end with the first action.
        self.pipe = os.fdopen(os.open(fifo, os.O_RDWR), "r", buffering=1)
        self.spawn([self.program, "-n", "-f", configuration], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


ALL = {"runnel": Runnel, "inotifywait": Inotifywait, "watchmedo": Watchmedo, "incron": Incron}
