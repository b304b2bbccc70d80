#!/bin/bash
# Run the image as a restricted pod would be: user 10001, a read-only root, /tmp as tmpfs, 64 MiB of /dev/shm,
# a memory limit, and no network but loopback. As root, with podman and runc.
#
#   bash cluster/image/test.sh registry.example.org/minecover:0.2.0 > result.txt
set -euo pipefail
tag=${1:?give the name of the image}
cd "$(dirname "$0")/../.."
python=${PYTHON:-.venv/bin/python}
memory=${MEMORY:-3g}
work=$(mktemp -d)
names=()
server=
end() {
    [ ${#names[@]} = 0 ] || podman rm --force --time 0 "${names[@]}" >/dev/null 2>&1 || :
    [ -z "$server" ] || kill "$server" 2>/dev/null || :
    rm -rf "$work"
}
trap end EXIT
chmod 755 "$work"
mkdir "$work/data"
chown 10001:10001 "$work/data"

# bookworm's crun refuses hybrid cgroups; limits that may not be raised must be named
pod() {
    podman --runtime runc --cgroup-manager cgroupfs run --user 10001:10001 --read-only --cap-drop all \
        --security-opt no-new-privileges --tmpfs "/tmp:rw,size=${TMP_SIZE:-2g},mode=1777" --shm-size 64m \
        --memory "$memory" --ulimit nofile=20000:20000 --ulimit nproc=30000:30000 \
        --volume "$work/data:/data" "$@"
}
alone() { pod --rm --network none "$@"; }
say() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*"; }
must() { # the name of a check, and a condition
    if [ "$2" = "$3" ]; then say "ok: $1"; else
        say "FAILED: $1: $2, not $3"
        exit 1
    fi
}

libraries=$(podman inspect --format '{{index .Config.Labels "minecover.libraries"}}' "$tag")
say "$(podman --version), $(runc --version | head -1), $(uname -r | cut -d- -f1)"
say "$tag: $(podman image inspect --format '{{.Size}}' "$tag" | awk '{printf "%.2f GB", $1 / 1e9}'), libraries: $libraries"

must "no index is in its history" "$(podman history --no-trunc --format '{{.CreatedBy}}' "$tag" | grep -ci index || :)" 0
before=$EPOCHREALTIME
alone "$tag" minecover --help >/dev/null
say "minecover --help: $(awk "BEGIN {printf \"%.1f\", $EPOCHREALTIME - $before}") s"
must "it is user 10001 without capabilities" \
    "$(alone "$tag" sh -c 'id -u; grep CapEff /proc/self/status' | tr -s '\n\t' ' ')" "10001 CapEff: 0000000000000000 "
must "the root cannot be written to" "$(alone "$tag" sh -c 'touch /opt/x 2>/dev/null; echo $?')" 1
must "no byte code is compiled twice" \
    "$(alone "$tag" sh -c 'find /opt/minecover -name "*.pyc" | sed "s/\.opt-[12]//" | sort | uniq -d | wc -l')" 0
must "its libraries are found" "$(alone "$tag" python -c 'import minecover, numba, rasterio; print("ok")')" ok
must "no library was damaged when its symbols were taken" "$(alone --interactive "$tag" python - <<'PYTHON'
import ctypes, os, pathlib, sysconfig
damaged = []
for library in pathlib.Path(sysconfig.get_path("purelib")).rglob("*.so*"):
    try:
        ctypes.CDLL(str(library))
    except OSError as error:
        damaged += [str(library)] if "ELF" in str(error) or "invalid" in str(error) else []
print(damaged, flush=True)
os._exit(0)  # modules that were loaded without being imported do not end well
PYTHON
)" "[]"

if [ "$libraries" = all ]; then
    names+=(minecover-ray)
    pod --detach --name minecover-ray --network none --env RAY_AUTH_MODE=token --env RAY_AUTH_TOKEN=check-0123456789abcdef \
        "$tag" ray start --head --block --num-cpus 1 --dashboard-host 127.0.0.1 --metrics-export-port 8080 >/dev/null
    inside() { podman --runtime runc --cgroup-manager cgroupfs exec minecover-ray "$@"; }
    # the paths that KubeRay asks
    for probe in 52365/api/local_raylet_healthz 8265/api/gcs_healthz; do
        answer=
        for _ in $(seq 240); do
            answer=$(inside wget -qO- -T 2 --header "X-Ray-Authorization: Bearer check-0123456789abcdef" \
                "http://127.0.0.1:$probe" 2>/dev/null) && break
            [ "$(podman inspect --format '{{.State.Running}}' minecover-ray)" = true ] || { podman logs minecover-ray; exit 1; }
            sleep 1
        done
        must "Ray's head answers /${probe#*/}" "$answer" success
    done
    must "a job without the token is refused" \
        "$(inside env RAY_AUTH_TOKEN=wrong-0123456789abcdef ray job submit --address http://127.0.0.1:8265 -- true >/dev/null 2>&1 && echo taken || echo refused)" refused
    inside ray job submit --address http://127.0.0.1:8265 -- minecover --version >"$work/job" 2>&1 || { cat "$work/job"; exit 1; }
    must "a job with it succeeds" "$(grep -c 'succeeded' "$work/job" | awk '{print ($1 > 0)}')" 1
    must "metrics are exported without it" "$(inside wget -qO- -T 5 http://127.0.0.1:8080/metrics | grep -c '^ray_' | awk '{print ($1 > 0)}')" 1
fi

if [ "$libraries" = all ]; then
    alone "$tag" minecover demo /data/district --size 128 >"$work/demo" 2>&1 || { cat "$work/demo"; exit 1; }
else
    alone --interactive "$tag" python - >"$work/demo" 2>&1 <<'PYTHON' || { cat "$work/demo"; exit 1; }
import subprocess, yaml
from minecover.demo.district import build_district
survey = build_district(__import__("pathlib").Path("/data/district"), size=128).survey
content = yaml.safe_load(survey.read_text()) | {"model": {"kind": "rf"}}
survey.write_text(yaml.safe_dump(content, sort_keys=False))
subprocess.run(["minecover", "run", str(survey)], check=True)
PYTHON
fi
report=$(find "$work/data" -name report.html | head -1)
must "the demo at 128 px ends in its report" "$([ -s "$report" ] && echo yes)" yes

PYTHONPATH=pipeline:tests "$python" -m services.s3 >"$work/server" 2>&1 &
server=$!
until grep -q AWS_ACCESS_KEY_ID "$work/server" && grep -q ENDPOINT "$work/server"; do
    kill -0 "$server"
    sleep 0.2
done
sed -n 's/^ *export //p' "$work/server" | tr -d "\"'" >"$work/store.env"
bucket=${BUCKET:-$(sed -n 's#.*\(s3://[a-z0-9-]*\).*#\1#p' "$work/server" | head -1)}
tiles() { pod --rm --network host --env-file "$work/store.env" "$tag" minecover "$@" --store "$bucket/image"; }
# the district is one tile, of which two shares cannot be made
sed 's/^  tile: .*/  tile: 64/' "$work/data/district/survey.yaml" >"$work/data/district/shares.yaml"
tiles catalog /data/district/shares.yaml >"$work/catalog" 2>&1 || { cat "$work/catalog"; exit 1; }
tiles tile /data/district/shares.yaml --stage cube --index 0 --of 2 >"$work/tiles" 2>&1 || { cat "$work/tiles"; exit 1; }
must "a share of tiles is written to SeaweedFS" "$(grep -c '"outcome": *"done"' "$work/tiles" | awk '{print ($1 > 0)}')" 1

names+=(minecover-term)
pod --detach --name minecover-term --network none "$tag" minecover run /data/district/survey.yaml --store /tmp/other --log - >/dev/null
until podman logs minecover-term 2>/dev/null | grep -q '"stage"'; do
    [ "$(podman inspect --format '{{.State.Running}}' minecover-term)" = true ] || { podman logs minecover-term; exit 1; }
    sleep 0.2
done
podman kill --signal TERM minecover-term >/dev/null
must "SIGTERM ends it with exit code 75" "$(podman wait minecover-term)" 75

say "all checks passed"
