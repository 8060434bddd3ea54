/// A plugin with a trigger in Python: a run for each new file of a folder.
enum TriggerTemplate {
    /// The files by path below the plugin's folder.
    static func files(_ name: String) -> [(path: String, text: String, isProgram: Bool)] {
        [("plugin.yaml", manifest(name), false), ("main.py", program, false), ("test_main.py", test, false)]
    }

    private static func manifest(_ name: String) -> String {
        EditorSchema.plugin.editorLine(from: "../../") + """
            name: \(name)
            version: "0.1"
            description: What it is for, in one sentence.
            protocol: exec
            command: [python3, main.py]
            # What it may see of the environment, beside PATH, HOME, LANG and TMPDIR:
            env: []
            triggers:
              # The trigger with the plugin's own name: `on: { \(name): { folder: inbox } }`
              \(name):
                summary: Starts a run for each new file of a folder.
                # What templates find under `trigger`:
                payload:
                  name: The name of the file.
                  size: Its size in bytes.
                # The keys that say what is listened to; the state belongs to them:
                identity: [folder]
                # How many events may wait for an answer:
                max_unacknowledged: 16
                # The program writes a line at least this often, or it is started again:
                heartbeat: 1m
                examples:
                  Files of the inbox: |
                    \(name): { folder: inbox }
                # The JSON schema of an entry under `on:`
                input:
                  type: object
                  required: [folder]
                  additionalProperties: false
                  properties:
                    folder: { type: string, minLength: 1, description: "The folder, relative to the project." }
                    every: { type: number, exclusiveMinimum: 0, default: 1, description: Seconds between two looks. }

            """
    }

    private static let program = #"""
        """A trigger of a Runnel plugin.

        Standard input: {"type": "start", "with": {…}, "state": …}, then an answer to each event. Standard output: JSON lines.
        An event that got no answer before the program ended has to be written again, with the same id.
        """

        import json
        import os
        import select
        import sys


        def say(**message):
            print(json.dumps(message), flush=True)


        def read():
            """The next line for this program; ends it when Runnel has closed standard input."""
            line = sys.stdin.buffer.raw.readline()
            if not line:
                sys.exit(0)
            return json.loads(line)


        def look(folder):
            """The files by id, the oldest first."""
            found = []
            for entry in os.scandir(folder) if os.path.isdir(folder) else []:
                if entry.is_file() and not entry.name.startswith("."):
                    status = entry.stat()
                    found.append((status.st_mtime_ns, entry.name, status.st_size))
            return {f"{time}-{name}": (name, size) for time, name, size in sorted(found)}


        def main():
            start = read()
            settings, state = start["with"], start["state"]
            folder = os.path.join(os.environ.get("RUNNEL_PROJECT", "."), settings["folder"])
            if state is None:
                # A new entry begins with what comes from now on.
                state = {"done": list(look(folder))}
                say(type="state", id="begin", state=state)
                read()
            say(type="waiting", text=f"waits for files in {settings['folder']}")
            while True:
                files = look(folder)
                for key, (name, size) in files.items():
                    if key in state["done"]:
                        continue
                    # The state is stored together with the run: what is done and still there.
                    state = {"done": [old for old in state["done"] if old in files] + [key]}
                    say(type="event", id=key, payload={"name": name, "size": size}, state=state)
                    answer = read()
                    if answer["type"] == "nack":
                        say(type="problem", text=f"{name} starts no run: {answer['message']}")
                say(type="heartbeat")
                # Waits; what comes on standard input now can only be its end.
                if select.select([sys.stdin], [], [], settings.get("every", 1))[0]:
                    read()


        main()

        """#

    private static let test = #"""
        """Tests the program as Runnel talks to it: python3 test_main.py"""

        import json
        import os
        import pathlib
        import subprocess
        import sys
        import tempfile
        import unittest

        PROGRAM = pathlib.Path(__file__).with_name("main.py")


        class TriggerTests(unittest.TestCase):
            def setUp(self):
                self.folder = tempfile.TemporaryDirectory()
                self.programs = []

            def tearDown(self):
                for program in self.programs:
                    program.kill()
                    program.wait()
                    program.stdin.close()
                    program.stdout.close()
                self.folder.cleanup()

            def start(self, state=None):
                program = subprocess.Popen(
                    [sys.executable, PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                    env={**os.environ, "RUNNEL_PROJECT": self.folder.name})
                self.programs.append(program)
                self.tell(program, type="start", state=state, **{"with": {"folder": ".", "every": 0.05}})
                return program

            def tell(self, program, **message):
                program.stdin.write(json.dumps(message) + "\n")
                program.stdin.flush()

            def hear(self, program, kind):
                while True:
                    message = json.loads(program.stdout.readline())
                    if message["type"] == kind:
                        return message

            def file(self, name):
                pathlib.Path(self.folder.name, name).write_text(name)

            def test_a_new_file_is_an_event_and_is_one_only_once(self):
                self.file("old")
                program = self.start()
                state = self.hear(program, "state")
                self.tell(program, type="ack", id=state["id"])
                self.hear(program, "waiting")
                self.file("new")
                event = self.hear(program, "event")
                self.assertEqual(event["payload"], {"name": "new", "size": 3})
                self.tell(program, type="ack", id=event["id"])
                # After a restart, with the state of the last event, only what is new is told.
                again = self.start(event["state"])
                self.file("newer")
                self.assertEqual(self.hear(again, "event")["payload"]["name"], "newer")

            def test_an_event_without_an_answer_comes_again_with_its_id(self):
                program = self.start({"done": []})
                self.file("new")
                event = self.hear(program, "event")
                program.kill()
                self.assertEqual(self.hear(self.start({"done": []}), "event")["id"], event["id"])

            def test_it_ends_when_its_input_is_closed(self):
                program = self.start({"done": []})
                program.stdin.close()
                self.assertEqual(program.wait(10), 0)


        if __name__ == "__main__":
            unittest.main()

        """#
}
