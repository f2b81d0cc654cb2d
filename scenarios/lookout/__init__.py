"""The lookout: sees what breaks a safety property at the moment it happens, between the looks of surveys.

One process of a lab, at a low priority. The kernel sorts packets out at the gateways' WAN ports, so that only
what is wrong (and one sound packet of 256, to show that somebody looks) reaches a program at all; and Open
vSwitch itself tells of each flow that comes and goes. Must not ask the product anything, nor start a program
while faults last (but for a flow monitor whose switch was started anew).
"""
