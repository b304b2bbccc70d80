#!/bin/sh
# Remove what the survey dongsheng left in the cluster: its Jobs with their pods, its volumes and
# all else that carries its name. The store stays, and so does what was there before the survey: the
# Secret of the store, and a claim with the survey's files.
#
#   sh clean.sh
set -eu
namespace=minecover
survey=app.kubernetes.io/instance=dongsheng

remove() {
    kubectl -n "$namespace" delete "$1" -l "$survey" --ignore-not-found
}

# operators first: they would start again what is missing
if [ -n "$(kubectl api-resources --api-group=ray.io -o name)" ]; then
    remove rayjobs.ray.io
fi
if [ -n "$(kubectl api-resources --api-group=kubernetes.dask.org -o name)" ]; then
    remove daskclusters.kubernetes.dask.org
fi
remove jobs.batch
remove poddisruptionbudgets.policy,networkpolicies.networking.k8s.io,configmaps,persistentvolumeclaims,serviceaccounts
echo "clean.sh: nothing of dongsheng is left in namespace $namespace but what it did not make"
