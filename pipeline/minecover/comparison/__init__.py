"""The paper's comparison for a survey of one's own: six models, four layer sets, several seeds."""
