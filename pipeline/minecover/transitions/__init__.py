"""What changed between the periods of a survey: the periods' readings combined, from-to maps."""
