"""Ctrl-C and SIGTERM: one sentence, an exit code, and no longer than a person waits."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

SCRIPT = """
import ctypes, hashlib, sys, time
from minecover.commands import signals
from minecover.errors import MinecoverError
signals.GRACE = dict.fromkeys(signals.GRACE, {grace})
try:
    with signals.stopping_in_order():
        try:
            print("working", flush=True)
            {work}
        finally:
            print("cleaned", flush=True)
            {clean}
except MinecoverError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""

SLEEPS = "time.sleep(60)"
COMPUTES = 'hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)'  # runs no Python, whatever comes

SENTENCE = "stopped by {}; what is done is kept, and the same command goes on where it was\n"


def stopped(
    *signals: signal.Signals, grace: float = 30.0, work: str = SLEEPS, clean: str = "pass"
) -> tuple[int, str, str]:
    """Exit code, output and errors of a process that is sent signals half a second apart."""
    script = SCRIPT.format(grace=grace, work=work, clean=clean)
    with subprocess.Popen(
        [sys.executable, "-c", script], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        for number in signals:
            time.sleep(0.5)
            process.send_signal(number)
        output, errors = process.communicate(timeout=20)
    return process.returncode, output, errors


@pytest.mark.parametrize(
    ("number", "name", "code"), [(signal.SIGINT, "Ctrl-C", 130), (signal.SIGTERM, "SIGTERM", 75)]
)
def test_both_clean_up_and_say_the_same(number: signal.Signals, name: str, code: int) -> None:
    assert stopped(number) == (code, "cleaned\n", SENTENCE.format(name))


def test_a_stop_that_a_library_loses_is_one_all_the_same() -> None:
    back = f"ctypes.CFUNCTYPE(None)(lambda: {SLEEPS})(); "  # as a compiler calls back for its cache
    work = back + 'raise RuntimeError("nothing was compiled")'
    assert stopped(signal.SIGTERM, work=work) == (75, "cleaned\n", SENTENCE.format("SIGTERM"))


def test_what_computes_on_is_ended_when_its_grace_is_over() -> None:
    code, output, errors = stopped(signal.SIGINT, grace=0.5, work=COMPUTES)
    assert (code, output) == (130, "")
    assert errors == "\nminecover: " + SENTENCE.format("Ctrl-C")


def test_a_second_ctrl_c_waits_for_nothing() -> None:
    code, output, errors = stopped(signal.SIGTERM, signal.SIGINT, clean=SLEEPS)
    assert (code, output) == (75, "cleaned\n")  # the first one says how it ends
    assert errors == "\nminecover: " + SENTENCE.format("SIGTERM")


def test_a_second_sigterm_does_not_disturb_the_clean_up() -> None:
    code, _, errors = stopped(signal.SIGTERM, signal.SIGTERM, clean="time.sleep(1)")
    assert (code, errors) == (75, SENTENCE.format("SIGTERM"))


def test_a_process_that_holds_thousands_of_files_open_hears_of_it_too() -> None:
    many = "import fcntl, os, resource; hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]; "
    many += "resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard)); "
    many += "kept = [os.dup(0) for _ in range(1200)]\n"
    script = many + SCRIPT.format(grace=30.0, work="time.sleep(0.2)", clean="pass")
    ended = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "working\ncleaned\n", "")
