"""Auth: who people and boxes are, how they prove it, and what part of the district they may see."""
