#!/bin/bash
# What a signal handler raises while ray.wait waits comes out as another error.
#
# Seen with ray 2.60.0 on 28 November 2026.
# Python lets a handler raise what it likes, and a class of one's own under BaseException is a usual way to
# end a program in order. Out of ray.wait comes a KeyboardInterrupt as it was raised, but a SystemError of the
# interpreter in place of any other: who handles the own class does not see it. A guess would be that all
# exceptions come through.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check ray==2.60.0
cat >"$folder/wait.py" <<'PYTHON'
import os
import signal
import sys
import threading

import ray


class Stopped(BaseException):
    """What the program ends by."""


def stop(number, frame):
    raise kind


def waited():
    """Name of what comes out of ray.wait when the handler raises."""
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGUSR1)).start()
    try:
        while True:
            ray.wait([never], timeout=0.5)
    except BaseException as error:
        return type(error).__name__


@ray.remote
def sleep():
    import time

    time.sleep(600)


folder = sys.argv[1]
ray.init(
    address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR",
    object_store_memory=100 * 2**20, _temp_dir=folder,
)
signal.signal(signal.SIGUSR1, stop)
never = sleep.remote()
found = {}
for kind in (KeyboardInterrupt, Stopped):
    found[kind.__name__] = waited()
print(f"ray {ray.__version__}, raised and seen:", found, flush=True)
sys.stdout.flush()
os._exit(found != {"KeyboardInterrupt": "KeyboardInterrupt", "Stopped": "SystemError"})
PYTHON
"$folder/env/bin/python" "$folder/wait.py" "$folder/r"
