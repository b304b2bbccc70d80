#!/bin/sh
# Run the survey dongsheng on a cluster, one step after another. It may be run again at any
# time: what is done is not done again.
#
#   sh run.sh overlays/one-machine
set -eu
overlay=${1:?give an overlay, as in: sh run.sh overlays/one-machine}
namespace=minecover
survey=app.kubernetes.io/instance=dongsheng
# seconds between two looks at a Job, and looks after which it is said why a pod waits
pause=10
patience=12

fail() {
    echo "run.sh: $*" >&2
    exit 1
}

# Read something of an object, or of several, by a JSONPath; empty where there is none.
look() {
    kubectl -n "$namespace" get "$@" 2>/dev/null || :
}

# Fail unless an object is there; the rest says how to make it. Who may not look is only told so.
there() {
    object=$1
    shift
    answer=$(kubectl -n "$namespace" get "$object" -o name 2>&1) && return
    case $answer in
    *"not found"* | *NotFound*) fail "there is no $object in namespace $namespace; $*" ;;
    *) echo "run.sh: cannot look for $object ($answer)" >&2 ;;
    esac
}

# Print the conditions of a Job that are true, or the states of a RayJob's cluster and of its job.
state() {
    case $1 in
    rayjob.*) path='{.status.jobDeploymentStatus}/{.status.jobStatus}' ;;
    *) path='{.status.conditions[?(@.status=="True")].type}' ;;
    esac
    kubectl -n "$namespace" get "$1" -o "jsonpath=$path"
}

# Print why a Job does not go on: what its queue, its events and its pods that wait have to say.
waits() {
    uid=$(look "$1" -o 'jsonpath={.metadata.uid}')
    look workloads.kueue.x-k8s.io -l "kueue.x-k8s.io/job-uid=$uid" -o 'jsonpath={range .items[*]}{.status.conditions[?(@.status=="False")].message}{"\n"}{end}'
    look events --field-selector "type=Warning,involvedObject.uid=$uid" -o 'jsonpath={range .items[*]}{.message}{"\n"}{end}'
    pods=$(look pods -l "$survey,minecover.io/step=$step" --field-selector status.phase=Pending -o 'jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}')
    for pod in $pods; do
        look pod "$pod" -o 'jsonpath={.status.conditions[?(@.type=="PodScheduled")].message}{"\n"}{range .status.containerStatuses[*]}{.state.waiting.reason} {.state.waiting.message}{"\n"}{end}'
        look events --field-selector "type=Warning,involvedObject.name=$pod" -o 'jsonpath={range .items[*]}{.reason} {.message}{"\n"}{end}'
    done
}

# Say what to do about the reasons on standard input, each once.
advise() {
    sed -e 's/^[[:space:]]*//' -e '/^$/d' | sort -u | while read -r reason; do
        case $reason in
        *CreateContainerConfigError* | *secret*"not found"*) what="is the Secret there, with keys that are names of variables?" ;;
        *ErrImage* | *ImagePull* | *InvalidImageName* | *"pull image"*) what="the image cannot be pulled: is its name right, and is image_pull_secrets given in the cluster file?" ;;
        *persistentvolumeclaim* | *PersistentVolumeClaim* | *FailedMount* | *FailedAttachVolume*) what="a volume is missing or cannot be mounted: look at its claim (kubectl -n $namespace get pvc)" ;;
        *quota*) what="the quota has no room: others use it now, or it is too small for one pod" ;;
        *LocalQueue* | *ClusterQueue* | *ResourceFlavor*) what="the queue is not ready: ask who runs the cluster (minecover manifests --admin)" ;;
        *violates\ PodSecurity* | *denied* | *forbidden*) what="the cluster does not admit the pod" ;;
        *Insufficient* | *taint* | *affinity* | *selector*) what="no node takes the pod: are there nodes with the pool's labels, and are their taints in the cluster file?" ;;
        *) what="" ;;
        esac
        printf '  %s\n' "$reason"
        [ -z "$what" ] || printf '    -> %s\n' "$what"
    done
}

# Print what the pods of the step that failed said last.
last_words() {
    look pods -l "$survey,minecover.io/step=$step" -o 'jsonpath={range .items[*]}{.status.containerStatuses[*].state.terminated.message}{"\n"}{end}' |
        sed '/^[[:space:]]*$/d' | sort -u | tail -n 20 >&2
}

# Wait until a Job or RayJob has ended; print that, or fail if it failed.
finish() {
    looks=0
    told=
    again=0
    while :; do
        state=$(state "$1") || fail "cannot read the state of $1 (see above); run this again"
        case " $state " in
        *" Complete "* | " Complete/SUCCEEDED ")
            echo "$1 complete"
            return
            ;;
        " Failed/"*)
            # an error in the survey, the data or the store is not tried again; a lost head is
            message=$(look "$1" -o 'jsonpath={.status.message}')
            case $message in
            *"exit code 2,"* | *"exit code 2."*) echo "$message" >&2 ;;
            *)
                again=$((again + 1))
                if [ "$again" -le 2 ]; then
                    echo "$1 failed ($message); starting it again, $again of 2"
                    kubectl -n "$namespace" delete "$1" && printf '%s\n' "$labelled" | apply "$step" ||
                        fail "$1 cannot be started again (see above); run this again"
                    continue
                fi
                ;;
            esac
            give_up "$1" "$state"
            ;;
        *" Failed "* | " ValidationFailed/"* | " Complete/"*) give_up "$1" "$state" ;;
        esac
        looks=$((looks + 1))
        if [ $((looks % patience)) = 0 ]; then
            reasons=$(waits "$1" | advise)
            [ -z "$reasons" ] || [ "$reasons" = "$told" ] || printf '%s waits:\n%s\n' "$1" "$reasons"
            told=$reasons
        fi
        sleep "$pause"
    done
}

give_up() {
    last_words
    fail "$1 failed ($2): see why (kubectl -n $namespace describe $1), fix that," \
        "delete it (kubectl -n $namespace delete $1) and run this again"
}

# Apply the objects of a step, out of those on standard input, and print their names. Server-side,
# since otherwise all of a ConfigMap would have to fit into an annotation.
apply() {
    kubectl apply --server-side -f - -l "minecover.io/step=$1" -o name
}

built=$(kubectl kustomize "$overlay") || fail "$overlay: kustomize cannot build it (see above)"
kinds=job
case $built in *"kind: RayJob"*) kinds=job,rayjob ;; esac
there "secret/dongsheng-store" "make it from a file with the store's keys, one NAME=value a line:" \
    "kubectl -n $namespace create secret generic dongsheng-store --from-env-file=store.env"
there "persistentvolumeclaim/dongsheng-inputs" "make it, and put the survey's files there"
case $built in
*"kueue.x-k8s.io/queue-name:"*)
    there "localqueue.kueue.x-k8s.io/minecover" \
        "have who runs the cluster apply what \`minecover manifests --admin\` writes"
    ;;
esac
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
for step in volumes catalog cube cube-end features select train predict assess publish; do
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
