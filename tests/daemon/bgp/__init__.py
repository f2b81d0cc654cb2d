"""Real ExaBGP speakers, BIRD and captures, in namespaces of their own."""
