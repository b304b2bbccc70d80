"""A survey's Jobs, as `minecover manifests` writes them, as pods of podman on one machine."""
