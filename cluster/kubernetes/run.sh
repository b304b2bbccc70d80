#!/bin/sh
# Run the survey dongsheng on a cluster, one step after another. It may be run again at any
# time: what is done is not done again.
#
#   sh run.sh overlays/one-machine
set -eu
overlay=${1:?give an overlay, as in: sh run.sh overlays/one-machine}
namespace=minecover
survey=app.kubernetes.io/instance=dongsheng

fail() {
    echo "run.sh: $*" >&2
    exit 1
}

# Print the conditions of a Job that are true, or the states of a RayJob's cluster and of its job.
state() {
    case $1 in
    rayjob.*) path='{.status.jobDeploymentStatus}/{.status.jobStatus}' ;;
    *) path='{.status.conditions[?(@.status=="True")].type}' ;;
    esac
    kubectl -n "$namespace" get "$1" -o "jsonpath=$path"
}

# Wait until a Job or RayJob has ended; print that, or fail if it failed.
finish() {
    while :; do
        state=$(state "$1") || fail "cannot read the state of $1 (see above); run this again"
        case " $state " in
        *" Complete "* | " Complete/SUCCEEDED ")
            echo "$1 complete"
            return
            ;;
        # a RayJob whose job is FAILED has not ended while KubeRay starts it again
        *" Failed "* | " Failed/"* | " ValidationFailed/"* | " Complete/"*)
            fail "$1 failed ($state): see why (kubectl -n $namespace describe $1), fix that," \
                "delete it (kubectl -n $namespace delete $1) and run this again"
            ;;
        esac
        sleep 10
    done
}

# Apply the objects of a step, out of those on standard input, and print their names. Server-side,
# since otherwise all of a ConfigMap would have to fit into an annotation.
apply() {
    kubectl apply --server-side -f - -l "minecover.io/step=$1" -o name
}

built=$(kubectl kustomize "$overlay") || fail "$overlay: kustomize cannot build it (see above)"
kinds=job
case $built in *"kind: RayJob"*) kinds=job,rayjob ;; esac
# objects are labelled with a checksum of the overlay, by which Jobs of other manifests are recognised
checksum=$(printf '%s\n' "$built" | cksum | cut -d ' ' -f 1)
labelled=$(printf '%s\n' "$built" | kubectl label --local -f - "minecover.io/built=$checksum" -o json) ||
    fail "$overlay: kubectl cannot label its objects (see above)"
others="$survey,minecover.io/built!=$checksum"
stale=$(kubectl -n "$namespace" get "$kinds" -l "$others" -o name) ||
    fail "cannot list the Jobs in the cluster (see above); fix that and run this again"
[ -z "$stale" ] ||
    fail "these Jobs were made from other manifests than $overlay:" $stale "- delete them" \
        "(kubectl -n $namespace delete $kinds -l '$others') and run this again"

printf '%s\n' "$built" | apply setup || fail "setup was refused (see above); fix that and run this again"
for step in catalog cube cube-end features select train predict assess publish; do
    # overlays do without some steps
    printf '%s\n' "$built" | grep "minecover.io/step: $step\$" >/dev/null || continue
    jobs=$(kubectl -n "$namespace" get "$kinds" -l "$survey,minecover.io/step=$step" -o name) ||
        fail "$step: cannot look for its Job in the cluster (see above); fix that and run this again"
    # a Job that exists is not applied again: Kueue may have lowered its parallelism and would restart it
    [ -n "$jobs" ] || jobs=$(printf '%s\n' "$labelled" | apply "$step") ||
        fail "$step was refused (see above); fix that and run this again"
    for job in $jobs; do
        case $job in
        job.* | rayjob.*) finish "$job" ;;
        esac
    done
done
