"""The compliance matrix of the brand: what it blocks, what was unlocked, and who agreed."""
