"""What a multi-cell network looks like: frozen values, builders, catalogue, file format, drawing.

Knows cells, gateways, hosts, links and their names and addresses. Must not know how any of it is run: no
processes, no namespaces, and no import of any other package of this project.
"""
