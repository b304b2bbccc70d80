"""What must hold of volumes, and of the local disk that pods take."""

from __future__ import annotations

from collections.abc import Iterator

from _manifest_pods import Object, Pods, all_pods, named, quantity

TEMPORARY = {"emptyDir", "ephemeral"}

NODE_DISK = 100 * 2**30
"""Bytes of a node's own disk that one pod may ask for."""

SMALL = 8 * 2**30
"""Bytes of /tmp above which a pod must build products."""


def volumes(objects: list[Object]) -> Iterator[str]:
    claims = named(objects, "PersistentVolumeClaim")
    for pods in all_pods(objects):
        present = {volume["name"]: volume for volume in pods.spec.get("volumes", ())}
        mounted = {}
        for container in pods.spec["containers"]:
            mounted |= {mount["name"]: mount for mount in container.get("volumeMounts", ())}
        for name in mounted.keys() - present.keys():
            yield f"{pods.name} mounts {name}, which is no volume"
        for name in present.keys() - mounted.keys():
            yield f"{pods.name} has a volume {name} that nothing mounts"
        if mounted.get("tmp", {}).get("mountPath") != "/tmp" or not TEMPORARY & {*present["tmp"]}:
            yield f"{pods.name} cannot write to /tmp"
        for volume in present.values():
            source = volume.get("configMap")
            if source and source["name"] not in named(objects, "ConfigMap"):
                yield f"{pods.name}: no ConfigMap {source['name']}"
            claim = volume.get("persistentVolumeClaim")
            if claim and not claim.get("readOnly") and claim["claimName"] not in claims:
                yield f"{pods.name}: no PersistentVolumeClaim {claim['claimName']}"


def claims(objects: list[Object]) -> Iterator[str]:
    """Volumes that several pods share are of a class that can, and are tried before they are used.

    fsGroup is not applied to them where the driver says ReadWriteOnceWithFSType, its default
    (kubernetes/pkg/volume/csi: supportsFSGroup).
    """
    tried = {
        volume["persistentVolumeClaim"]["claimName"]
        for pods in all_pods(objects)
        if pods.labels["minecover.io/step"] == "volumes"
        for volume in pods.spec["volumes"]
        if "persistentVolumeClaim" in volume
    }
    for name, claim in named(objects, "PersistentVolumeClaim").items():
        modes = claim["spec"]["accessModes"]
        if "ReadWriteMany" in modes and not claim["spec"].get("storageClassName"):
            yield f"PersistentVolumeClaim {name}: the default class may not have ReadWriteMany"
    for pods in all_pods(objects):
        for volume in pods.spec["volumes"]:
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            if claim is not None and claim not in tried:
                yield f"{pods.name}: nobody has tried the volume {claim} before"


def disks(objects: list[Object]) -> Iterator[str]:
    """What may be written to a node's disk is requested of it, and is what a node has."""
    for pods in all_pods(objects):
        asked = [
            quantity(container["resources"]["requests"].get("ephemeral-storage", 0))
            for container in pods.spec["containers"]
        ]
        empty = [volume["emptyDir"] for volume in pods.spec["volumes"] if "emptyDir" in volume]
        if any("sizeLimit" not in volume for volume in empty):
            yield f"{pods.name}: an emptyDir without limit"
            continue
        sizes = [quantity(volume["sizeLimit"]) for volume in empty]
        if sum(sizes) > sum(asked):
            yield f"{pods.name}: may write more to its node's disk than it requests"
        if sum(asked) > NODE_DISK + 2**30:
            yield f"{pods.name}: requests more disk than a node has"
        if sum(sizes) + _claimed(pods) > SMALL and pods.labels["minecover.io/step"] != "publish":
            yield f"{pods.name}: much room in /tmp for a step that builds no products"


def _claimed(pods: Pods) -> float:
    """Bytes of the volumes that are made for the pod."""
    templates = (
        volume["ephemeral"]["volumeClaimTemplate"]["spec"]
        for volume in pods.spec["volumes"]
        if "ephemeral" in volume
    )
    return sum(quantity(spec["resources"]["requests"]["storage"]) for spec in templates)
