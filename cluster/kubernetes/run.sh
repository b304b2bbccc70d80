#!/bin/sh
# Carry the survey dongsheng through a cluster, one step after another. It may be run again at any
# time: what is done stands.
#
#   sh run.sh overlays/one-machine
set -eu
overlay=$1
namespace=minecover

# Wait until a Job or RayJob has ended; say so, and fail where it failed.
finish() {
    while :; do
        state=$(kubectl -n "$namespace" get "$1" -o jsonpath='{.status.conditions[?(@.status=="True")].type} {.status.jobDeploymentStatus} {.status.jobStatus}')
        case " $state " in
        *" Failed "* | *" FAILED "*)
            echo "$1 failed: see why (kubectl -n $namespace describe $1), mend it, delete it" \
                "(kubectl -n $namespace delete $1) and run this again" >&2
            return 1
            ;;
        *" Complete "*)
            echo "$1 complete"
            return 0
            ;;
        esac
        sleep 10
    done
}

# on the server's side: a ConfigMap may then be larger than an annotation
kubectl apply --server-side -k "$overlay" -l minecover.io/step=setup
for step in catalog cube cube-end features select train predict assess publish; do
    for object in $(kubectl apply --server-side -k "$overlay" -l "minecover.io/step=$step" -o name); do
        case $object in
        job.* | rayjob.*) finish "$object" ;;
        esac
    done
done
