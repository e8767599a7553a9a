"""From a file of sound to its samples: what it is, how long it is, how it is decoded and mixed."""
