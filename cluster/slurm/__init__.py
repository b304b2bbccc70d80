"""A survey on a real Slurm on this machine, with a task cancelled and a node drained."""
