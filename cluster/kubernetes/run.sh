#!/bin/sh
# Carry the survey dongsheng through a cluster, one step after another. It may be run again at any
# time: what is done stands.
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

# Print the conditions of a Job that hold, or what KubeRay says of a RayJob's cluster and its job.
state() {
    case $1 in
    rayjob.*) path='{.status.jobDeploymentStatus}/{.status.jobStatus}' ;;
    *) path='{.status.conditions[?(@.status=="True")].type}' ;;
    esac
    kubectl -n "$namespace" get "$1" -o "jsonpath=$path"
}

# Wait until a Job or RayJob has ended; say so, and fail where it failed.
finish() {
    while :; do
        state=$(state "$1") || fail "cannot ask how $1 is doing (see above); run this again"
        case " $state " in
        *" Complete "* | " Complete/SUCCEEDED ")
            echo "$1 complete"
            return
            ;;
        # a RayJob whose job is FAILED has not ended while KubeRay still starts it anew
        *" Failed "* | " Failed/"* | " ValidationFailed/"* | " Complete/"*)
            fail "$1 failed ($state): see why (kubectl -n $namespace describe $1), mend it," \
                "delete it (kubectl -n $namespace delete $1) and run this again"
            ;;
        esac
        sleep 10
    done
}

# Apply the objects of a step that are read from standard input, and print their names. On the
# server's side: a ConfigMap may then be larger than an annotation.
apply() {
    kubectl apply --server-side -f - -l "minecover.io/step=$1" -o name
}

built=$(kubectl kustomize "$overlay") || fail "$overlay: cannot be built (see above)"
kinds=job
case $built in *"kind: RayJob"*) kinds=job,rayjob ;; esac
# what is made carries what it was made from: a Job that stands is then known to be this very one
mark=$(printf '%s\n' "$built" | cksum | cut -d ' ' -f 1)
marked=$(printf '%s\n' "$built" | kubectl label --local -f - "minecover.io/built=$mark" -o json) ||
    fail "$overlay: cannot be labelled (see above)"
others="$survey,minecover.io/built!=$mark"
stale=$(kubectl -n "$namespace" get "$kinds" -l "$others" -o name) ||
    fail "cannot ask the cluster what it has (see above); mend that and run this again"
[ -z "$stale" ] ||
    fail "made from other manifests than $overlay:" $stale "- delete them" \
        "(kubectl -n $namespace delete $kinds -l '$others') and run this again"

printf '%s\n' "$built" | apply setup || fail "setup was refused (see above); mend that and run this again"
for step in catalog cube cube-end features select train predict assess publish; do
    # an overlay need not have every step
    printf '%s\n' "$built" | grep "minecover.io/step: $step\$" >/dev/null || continue
    jobs=$(kubectl -n "$namespace" get "$kinds" -l "$survey,minecover.io/step=$step" -o name) ||
        fail "$step: cannot ask the cluster for it (see above); mend that and run this again"
    # one that stands is left alone: Kueue may have lowered its parallelism, and would start it anew
    [ -n "$jobs" ] || jobs=$(printf '%s\n' "$marked" | apply "$step") ||
        fail "$step was refused (see above); mend that and run this again"
    for job in $jobs; do
        case $job in
        job.* | rayjob.*) finish "$job" ;;
        esac
    done
done
