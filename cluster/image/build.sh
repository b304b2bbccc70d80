#!/bin/bash
# Build the image from cluster/Dockerfile with buildah, also where no registry can be reached: the base is
# then made of Debian's own packages. As root on Debian, with buildah, runc, mmdebstrap and fuse-overlayfs.
#
#   LIBRARIES=classical TORCH_INDEX=/mirror/wheels bash cluster/image/build.sh registry.example.org/minecover:0.2.0
#
# BASE           an image with Python 3.11 or later; else one is made, the first time
# LIBRARIES      all, or classical: without torch and Ray
# TORCH_INDEX    index of torch for CPUs, or a folder with its wheel
# PIP_INDEX_URL  index of all packages, where it is not pip's own
# CA_BUNDLE      certificates that a mirror of yours needs; the image does not keep them
set -euo pipefail
tag=${1:?give the name of the image, as in: build.sh registry.example.org/minecover:0.2.0}
cd "$(dirname "$0")/../.."
libraries=${LIBRARIES:-all}
base=${BASE:-localhost/minecover-base:bookworm}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if [ -z "${BASE-}" ] && ! buildah inspect --type image "$base" >/dev/null 2>&1; then
    echo "== $base out of Debian's packages"
    mmdebstrap --quiet --variant=minbase --include=ca-certificates,python3 \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        bookworm "$scratch/base.tar"
    container=$(buildah from scratch)
    buildah add -q "$container" "$scratch/base.tar" / >/dev/null
    buildah commit -q --rm "$container" "$base" >/dev/null
fi

arguments=(--build-arg "BASE=$base" --build-arg "LIBRARIES=$libraries")
arguments+=(--build-arg "CONSTRAINTS_SHA256=$(sha256sum constraints.txt | cut -d' ' -f1)")
arguments+=(--build-arg "SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)")
[ -z "${PIP_INDEX_URL-}" ] || arguments+=(--build-arg "PIP_INDEX_URL=$PIP_INDEX_URL")
if [ -d "${TORCH_INDEX-}" ]; then
    # a page of links is an index for pip
    mkdir -p "$scratch/index/torch"
    for wheel in "$TORCH_INDEX"/torch-*.whl; do
        cp "$wheel" "$scratch/index/torch/"
        name=$(basename "$wheel")
        echo "<a href=\"${name//+/%2B}\">$name</a>" >>"$scratch/index/torch/index.html"
    done
    arguments+=(--volume "$scratch/index:/index:ro" --build-arg TORCH_INDEX=file:///index)
elif [ -n "${TORCH_INDEX-}" ]; then
    arguments+=(--build-arg "TORCH_INDEX=$TORCH_INDEX")
fi
if [ -n "${CA_BUNDLE-}" ]; then
    arguments+=(--volume "$CA_BUNDLE:/etc/ssl/certs/ca-certificates.crt:ro")
fi

echo "== $tag with libraries: $libraries"
buildah build --quiet --layers --isolation chroot --file cluster/Dockerfile \
    --ignorefile cluster/Dockerfile.dockerignore "${arguments[@]}" --tag "$tag" .
buildah images --format '{{.Name}}:{{.Tag}} {{.Size}}' "$tag"
