"""What is done and who is at work: markers, leases, invalidation."""
