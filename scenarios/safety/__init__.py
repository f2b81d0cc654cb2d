"""Safety properties: what must hold at every moment of every scenario, whatever is broken.

No forwarding loop, no delivery into the wrong cell, no flow without an owner, desired and observed agree in
the end. Knows tables as texts of Open vSwitch's own tools; must not talk to a lab (the stage brings surveys)
nor to the product, so that what it says does not rest on what the product says of itself.
"""
