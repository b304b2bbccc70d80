#!/bin/bash
# A normal distribution drawn on torch's meta device imports its compiler; a uniform one does not.
#
# Seen with torch 2.13.0 for CPUs on 29 November 2026, Python 3.11.
# A network whose weights come from a file is made under `torch.device("meta")`, so that its initialisers cost
# neither memory nor time. nn.Linear and trunc_normal_ keep to that. The first `normal_` on a meta tensor, which
# kaiming_normal_ of every ResNet calls, loads torch._dynamo, torch._inductor and sympy, 822 modules in all,
# although nothing is drawn and nothing is compiled: a second or more in each process, once. A guess would be
# that `import torch` has loaded by then what eager torch needs, and that both distributions cost the same.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cat > "$work/check.py" <<'EOF'
import sys

import torch

COMPILER = ("torch._dynamo", "torch._inductor", "sympy")


def loaded():
    return [name for name in COMPILER if name in sys.modules]


def after(what, draw):
    before = len(sys.modules)
    with torch.device("meta"):
        draw()
    print(f"after {what}: {loaded() or 'none'}, {len(sys.modules) - before} modules more")


print("torch", torch.__version__, "with python", sys.version.split()[0])
print("after import torch:", loaded() or "none")
assert not loaded()
after("nn.Linear", lambda: torch.nn.Linear(4, 4))
after("uniform_", lambda: torch.empty(4).uniform_())
assert not loaded()
after("trunc_normal_", lambda: torch.nn.init.trunc_normal_(torch.empty(4)))
after("normal_", lambda: torch.empty(4).normal_())
assert loaded() == list(COMPILER)
EOF
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore "$work/check.py"
